-- Every relation of the capture. Points from the one that needs or holds to the needed or held.
CREATE TABLE relation (
    relation VARCHAR, source_id VARCHAR, target_id VARCHAR, from_ns BIGINT, to_ns BIGINT, evidence VARCHAR
);
