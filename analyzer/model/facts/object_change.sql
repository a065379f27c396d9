-- What was changed: one row per changed path of an object, status left out. The table `change` is the same with a number.
SELECT * EXCLUDE (change_id) FROM change
