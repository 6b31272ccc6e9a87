"""What a child is told to do arrives as it was meant."""

from tests.faults.plan import Losses, Plan, Store


def test_a_plan_is_the_same_after_its_way_over_a_command_line() -> None:
    store = Store(contact_points=("127.0.0.1", "127.0.0.2"), port=9042, keyspace="faults")
    plan = Plan(
        name="writer",
        role="writer",
        store=store,
        seed=1,
        losses=Losses(at_decide=0.1),
        hot=("a", "b"),
        held_from=3,
    )
    assert Plan.from_json(plan.to_json()) == plan
