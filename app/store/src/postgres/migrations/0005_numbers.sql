-- Every new record asks for the greatest number and whether its own is free: of many, it would read all.
CREATE INDEX record_number ON record (number);
