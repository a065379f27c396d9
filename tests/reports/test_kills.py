"""Kills are told of the object in which somebody was killed, and only with evidence."""

from __future__ import annotations

import dataclasses

from reports.kills import list_kills


def test_kills_of_an_object_come_from_the_rows_that_its_symptoms_rest_on(incident):
    rows = {row.id for row in incident.evidence.values() if row.table == "oom"}
    victims = {symptom.entity.id for symptom in incident.symptoms if rows & set(symptom.evidence)}
    assert victims
    kills = list_kills(incident)
    assert sum(len(kills[victim]) for victim in victims) >= len(rows)
    assert kills.keys() == victims


def test_row_that_says_nothing_of_memory_is_no_kill(incident):
    evidence = {
        key: dataclasses.replace(row, fields={"oom.anon_rss_bytes": "many"} if row.table == "oom" else row.fields)
        for key, row in incident.evidence.items()
    }
    document = dataclasses.replace(incident, evidence=evidence)
    assert list_kills(document) == {}
