"""Programs that the agent writes itself, and Workflows that it makes of templates."""

from __future__ import annotations

from evals.task import Solution, Task, call, follow, say, wrong
from evals.tasks.workflows import TEXT, workflow
from evals.world import World

SQUARES = "print(sum(n * n for n in range(1, 1001)))"
LOOP = "total = 0\nfor n in range(3_000_000):\n    total += n\nprint(total)"
FORMULA = "print(2_999_999 * 3_000_000 // 2)"
PRIMES = "open('primes.txt', 'w').write('2\\n3\\n5\\n7\\n11\\n')"
GREETER = workflow(
    "greeter",
    "output(f'{context.word} {context.name}')",
    about="A greeting in a word of your choice.",
    inputs={"word": TEXT, "name": TEXT},
    labels={"penstock.dev/template": "true"},
)


async def _programs(world: World) -> int:
    return sum(run.spec.inline is not None for run in await world.runs())


async def _summed(world: World, solution: Solution) -> list[str]:
    ran = wrong(it_ran_a_program=await _programs(world) >= 1)
    return [*ran, *([] if "333833500" in solution.words.replace(",", "").replace(".", "") else ["the sum is not said"])]


async def _compared(world: World, solution: Solution) -> list[str]:
    measured = solution.called("benchmark_script")
    return [*wrong(both_measured=measured >= 2, as_runs=await _programs(world) >= 2), *solution.says("formula")]


async def _wrote_the_file(world: World, solution: Solution) -> list[str]:
    del solution
    made = world.folder / "primes.txt"
    return wrong(primes_are_there=made.exists() and made.read_text().split() == ["2", "3", "5", "7", "11"])


async def _cloned(world: World, solution: Solution) -> list[str]:
    made = (await world.workflows()).get("moin")
    outputs = [run.status.output for run in await world.runs("moin")]
    return [*wrong(workflow_made=made is not None, it_ran=outputs == ["Moin Ann"]), *solution.says("Moin Ann")]


TASKS = (
    Task(
        name="write-a-program",
        goal="What is the sum of the squares of 1 to 1000? Do not calculate it yourself: run a Python program.",
        check=_summed,
        script=(call("run_script_in_dir", script_content=SQUARES), say("It is {0[output][stdout]}")),
    ),
    Task(
        name="compare-two-programs",
        goal=f"Which is faster in Python, measured? The loop:\n{LOOP}\nor the formula:\n{FORMULA}",
        check=_compared,
        script=(
            call("benchmark_script", script_content=LOOP),
            call("benchmark_script", script_content=FORMULA),
            say("The formula: {1[output][cpu_time_seconds]} s of CPU against {0[output][cpu_time_seconds]} s."),
        ),
    ),
    Task(
        name="a-program-in-a-folder",
        goal="Run a Python program in the folder {folder} that writes the primes up to 12 into primes.txt, one a line.",
        check=_wrote_the_file,
        script=(
            call("run_script_in_dir", directory="{folder}", script_content=PRIMES),
            say("Done."),
        ),
    ),
    Task(
        name="clone-a-template",
        goal="Make a Workflow `moin` of the greeter template that always says `Moin`, then greet Ann with it.",
        workflows=(GREETER,),
        check=_cloned,
        script=(
            call("list_templates"),
            follow(
                "clone_template", template="{0[output][templates][0][workflow]}", name="moin", defaults={"word": "Moin"}
            ),
            call("execute_moin", context={"name": "Ann"}),
            say("{2[output]}!"),
        ),
    ),
)
