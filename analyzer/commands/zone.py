"""The option `--tz`: in which time zone times are shown, and understood where they name none."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from zoneinfo import ZoneInfo

_META = "tapio.zone"


class _ZoneType(click.ParamType["ZoneInfo"]):
    """A name of the IANA time zone database."""

    name = "zone"

    def convert(self, value: str | ZoneInfo, param: click.Parameter | None, ctx: click.Context | None) -> ZoneInfo:
        from zoneinfo import ZoneInfo  # noqa: PLC0415 - for who gives the option

        if isinstance(value, ZoneInfo):
            return value
        try:
            zone = ZoneInfo(value)
        except (ValueError, OSError, KeyError):
            self.fail(f"{value[:64]!r} is not a time zone; give a name such as Europe/Berlin or UTC", param, ctx)
        if ctx is not None:
            ctx.meta[_META] = zone
        return zone


def asked_zone(context: click.Context | None) -> ZoneInfo | None:
    """The zone of `--tz` of the command that is being read; None without the option."""
    return None if context is None else context.meta.get(_META)


tz_option = click.option(
    "--tz",
    "zone",
    type=_ZoneType(),
    is_eager=True,  # --from and --to are understood by it, wherever they stand
    help="Show times in this time zone (such as Europe/Berlin), and read times of --from and --to in it; default: UTC.",
)
