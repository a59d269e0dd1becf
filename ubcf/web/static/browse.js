"use strict";
// Lists are searched while somebody types, and explanations open where they are asked for. Without
// this file the same pages are reached by the buttons and links.

// The document of another page of this server, without running anything in it.
const fetchPage = async (address, signal) => {
  const response = await fetch(address, { signal, headers: { accept: "text/html" } });
  return new DOMParser().parseFromString(await response.text(), "text/html");
};

const TYPING_PAUSE = 200; // milliseconds

for (const form of document.querySelectorAll("form.search")) {
  const results = document.getElementById("results");
  if (!results || new URL(form.action).pathname !== location.pathname) continue;
  let timer;
  let controller = new AbortController();
  const search = async () => {
    controller.abort();
    controller = new AbortController();
    const fields = new FormData(form);
    for (const [name, value] of [...fields]) if (value === "") fields.delete(name);
    const address = `${form.action.split("?")[0]}?${new URLSearchParams(fields)}`;
    const current = document.getElementById("results");
    current.classList.add("busy");
    try {
      const found = (await fetchPage(`${address}&typing=yes`, controller.signal)).getElementById("results");
      if (found === null) throw new Error("no results");
      current.replaceWith(found);
      history.replaceState(null, "", address);
    } catch (error) {
      if (error.name !== "AbortError") location.assign(address);
    }
  };
  form.elements.q.addEventListener("input", () => {
    clearTimeout(timer);
    timer = setTimeout(search, TYPING_PAUSE);
  });
}

// What a build takes a while to compute is asked for again.
for (const note of document.querySelectorAll("[data-again]")) {
  setTimeout(() => location.reload(), Number(note.dataset.again));
}

// A click on "why" opens the explanation below its row, whole; another click, its button or Escape
// closes it again. The link stays where it was on the screen, also if its table scrolled.
const keepingPlace = (link, change) => {
  const before = link.getBoundingClientRect().top;
  change();
  link.scrollIntoView({ block: "nearest" });
  scrollBy({ top: link.getBoundingClientRect().top - before, behavior: "instant" });
};

const linkOf = (opened) => opened.previousElementSibling.querySelector("a.why-link");

const closeExplanation = (opened) => {
  const link = linkOf(opened);
  keepingPlace(link, () => opened.remove());
  link.setAttribute("aria-expanded", "false");
  link.focus({ preventScroll: true });
};

const openExplanation = (link, explanation) => {
  explanation.removeAttribute("id");
  const ways = document.createElement("p");
  ways.className = "ways";
  const whole = document.createElement("a");
  whole.href = link.href;
  whole.textContent = "Open as a page";
  const close = document.createElement("button");
  close.type = "button";
  close.className = "close";
  close.textContent = "Close";
  ways.append(whole, close);
  const row = link.closest("tr");
  const opened = document.createElement("tr");
  opened.className = "opened";
  const cell = opened.insertCell();
  cell.colSpan = row.cells.length;
  cell.append(ways, explanation);
  keepingPlace(link, () => row.after(opened));
  link.setAttribute("aria-expanded", "true");
};

document.addEventListener("click", async (event) => {
  const close = event.target.closest(".opened .close");
  if (close) closeExplanation(close.closest(".opened"));
  const link = event.target.closest("a.why-link");
  if (!link || event.ctrlKey || event.metaKey || event.shiftKey || event.button !== 0) return;
  event.preventDefault();
  const next = link.closest("tr").nextElementSibling;
  if (next?.classList.contains("opened")) {
    closeExplanation(next);
    return;
  }
  if (link.classList.contains("busy")) return;
  link.classList.add("busy");
  try {
    const found = (await fetchPage(link.href)).getElementById("explanation");
    if (found === null) throw new Error("no explanation");
    openExplanation(link, found);
  } catch {
    location.assign(link.href);
  } finally {
    link.classList.remove("busy");
  }
});

document.addEventListener("keydown", (event) => {
  if (event.key !== "Escape") return;
  const row = event.target.closest("tr.opened") ?? event.target.closest("tr")?.nextElementSibling;
  if (row?.classList.contains("opened")) closeExplanation(row);
});

// Rows are sorted without explanations between them.
document.addEventListener(
  "click",
  (event) => {
    const table = event.target.closest("thead button")?.closest("table");
    for (const opened of table?.querySelectorAll("tr.opened") ?? []) {
      linkOf(opened).setAttribute("aria-expanded", "false");
      opened.remove();
    }
  },
  true,
);

// Statements run without loading the page anew, so that "Stop" can end them: the server interrupts
// a query once nobody waits for it.
for (const form of document.querySelectorAll("form.statements")) {
  const text = form.elements.q;
  const stop = form.querySelector("button.stop");
  form.querySelector(".keys").hidden = false;
  let controller = null;
  const say = (words) => {
    const said = document.createElement("p");
    said.className = "note";
    said.textContent = words;
    document.getElementById("results").replaceChildren(said);
  };
  const run = async () => {
    controller?.abort();
    const current = new AbortController();
    controller = current;
    const address = `/sql?${new URLSearchParams(new FormData(form))}`;
    stop.hidden = false;
    say("The query runs …");
    try {
      const found = (await fetchPage(address, current.signal)).getElementById("results");
      if (found === null) throw new Error("no results");
      document.getElementById("results").replaceWith(found);
      sortTables(found);
      history.replaceState(null, "", address);
    } catch (error) {
      if (error.name !== "AbortError") location.assign(address);
      else if (controller === current) say("Stopped.");
    } finally {
      if (controller === current) stop.hidden = true;
    }
  };
  stop.addEventListener("click", () => controller?.abort());
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    run();
  });
  text.addEventListener("keydown", (event) => {
    if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) {
      event.preventDefault();
      form.requestSubmit();
    }
  });
}
