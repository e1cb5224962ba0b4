"""Which teachers a paper may have used: every setting that it does not print, tried against the rows that it does print."""
