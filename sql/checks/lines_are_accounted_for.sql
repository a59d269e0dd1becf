-- Every line of every input file is accepted or rejected.
select
    file,
    lines,
    accepted,
    rejected
from build_inputs
where accepted + rejected <> lines;
