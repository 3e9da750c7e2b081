"""How help is laid out: the options of a command in groups, and an example at the end. rich, which would do that, takes
longer to load than all else that help needs."""

from collections.abc import Iterable, Mapping
from typing import Any

from typer.core import TyperCommand, TyperGroup

REFERENCES = "References"
METHOD = "Method and device"
INPUT = "Input"
OUTPUT = "Output"
ENCODING = "Encoding"
MEASURING = "Measuring"
PIPES = "Pipes and live streams"
PRINTED = "What is printed"
OTHERS = "Others"

# The group of each option, by the first name that begins with two dashes; those that no group lists are among OTHERS.
GROUPS: Mapping[str, str] = {
    name: group
    for group, names in (
        (
            REFERENCES,
            "--ref --refs --ref-view --ref-every --ref-offset --no-refs --ref-source --require-refs --ref-index-base "
            "--trust-manifest --ref-output --ref-cache --max-refs --causal --matching --epipolar",
        ),
        (METHOD, "--method --quality --weights --anchor-model --device --dtype --engine --ray"),
        (
            INPUT,
            "--from --to --frames --max-height --max-pixels --deinterlace --track --decode --fps --layout --grid "
            "--item --pattern --transpose --mirror --white --follow-links --views",
        ),
        (
            OUTPUT,
            "--output --overwrite --resume --size --scale --drop --audio --alpha --mosaic --video --epi --viewer --rgb "
            "--html --dry-run --preview",
        ),
        (ENCODING, "--codec --crf --preset -e"),
        (MEASURING, "--simulate --scene-refs --gt --lpips --reduction"),
        (PIPES, "--input-format --output-format --duration --live-drop --reconnect"),
        (PRINTED, "--report --progress --quiet --verbose --json"),
    )
    for name in names.split()
}
_ORDER = ("Arguments", REFERENCES, METHOD, INPUT, OUTPUT, ENCODING, MEASURING, PIPES, PRINTED, OTHERS)


class QuickGroup(TyperGroup):
    """A group of commands. typer would load pydantic to learn that a group's own --help, whose default is None, was not
    given: with a default of False it need not, and help is there in half the time."""

    def get_help_option(self, ctx: Any) -> Any:
        option: Any = super().get_help_option(ctx)
        if option is not None:
            option.default = False
        return option


class GroupedCommand(TyperCommand):
    """A command whose help has a section for each group of options, and its epilog as an example."""

    def format_options(self, ctx: Any, formatter: Any) -> None:
        sections: dict[str, list[tuple[str, str]]] = {}
        for parameter in self.get_params(ctx):
            record = parameter.get_help_record(ctx)
            if record is not None:
                sections.setdefault(group_of(parameter), []).append(record)
        named = "Options" if not sections.keys() - {"Arguments", OTHERS} else OTHERS
        for group in sorted(sections, key=_ORDER.index):
            with formatter.section(named if group == OTHERS else group):
                formatter.write_dl(sections[group])

    def format_epilog(self, ctx: Any, formatter: Any) -> None:
        if self.epilog:
            with formatter.section("Example"):
                formatter.write_text(self.epilog)


def group_of(parameter: Any) -> str:
    """The section of help that an argument or an option belongs to."""
    if parameter.param_type_name == "argument":
        return "Arguments"
    names: Iterable[str] = parameter.opts
    return next((GROUPS[name] for name in names if name in GROUPS), OTHERS)
