"""Kills are told of the object in which somebody was killed, and only with evidence."""

from __future__ import annotations

import dataclasses

from reports.figures.kills import kills_of


def test_kills_of_an_object_come_from_the_rows_that_its_symptoms_rest_on(incident):
    rows = {row.id for row in incident.evidence.values() if row.table == "oom"}
    victims = {symptom.entity.id for symptom in incident.symptoms if rows & set(symptom.evidence)}
    assert victims
    assert sum(len(kills_of(incident, victim)) for victim in victims) >= len(rows)
    others = {symptom.entity.id for symptom in incident.symptoms} - victims
    assert not any(kills_of(incident, other) for other in others)


def test_row_that_says_nothing_of_memory_is_no_kill(incident):
    evidence = {
        key: dataclasses.replace(row, fields={"oom.anon_rss_bytes": "many"} if row.table == "oom" else row.fields)
        for key, row in incident.evidence.items()
    }
    document = dataclasses.replace(incident, evidence=evidence)
    assert not any(kills_of(document, symptom.entity.id) for symptom in document.symptoms)
