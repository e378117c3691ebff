from enum import StrEnum

import pytest

from dusangire.kernel.machine import Machine, NotAllowed


class Light(StrEnum):
    RED = "red"
    GREEN = "green"
    BROKEN = "broken"
    LOST = "lost"


class Act(StrEnum):
    GO = "go"
    STOP = "stop"
    SMASH = "smash"


MACHINE = Machine(
    Light.RED,
    [
        (Act.GO, frozenset({Light.RED}), Light.GREEN),
        (Act.STOP, frozenset({Light.GREEN}), Light.RED),
        (Act.SMASH, frozenset({Light.RED, Light.GREEN}), Light.BROKEN),
    ],
)


def test_a_machine_says_what_can_be_done_and_where_it_leads():
    assert MACHINE.verbs(Light.RED) == (Act.GO, Act.SMASH)
    assert MACHINE.after(Light.GREEN, Act.STOP) is Light.RED
    assert MACHINE.sources(Act.SMASH) == {Light.RED, Light.GREEN}


def test_what_is_not_in_the_table_is_refused():
    with pytest.raises(NotAllowed):
        MACHINE.after(Light.BROKEN, Act.GO)


def test_dead_ends_and_unreachable_states_show():
    assert MACHINE.ends() == {Light.BROKEN}
    assert Light.LOST not in MACHINE.reachable()


def test_one_verb_leads_out_of_a_state_one_way_only():
    with pytest.raises(ValueError, match="twice"):
        Machine(
            Light.RED,
            [(Act.GO, frozenset({Light.RED}), Light.GREEN), (Act.GO, frozenset({Light.RED}), Light.BROKEN)],
        )
