"""A result as a picture: what each process costs, and what the benchmark is about beside it."""

from collections.abc import Callable, Mapping, Sequence
from io import BytesIO
from pathlib import Path
from typing import Final, Protocol, cast

import matplotlib as mpl
from matplotlib.figure import Figure

from benchmarks.report.tables import look_up

Rows = Sequence[Mapping[str, object]]


class Axes(Protocol):
    """What is used of matplotlib's class of this name, whose own types are unknown in part."""

    def barh(
        self, y: Sequence[int], width: Sequence[float], *, left: Sequence[float], color: str, label: str
    ) -> object:
        """Draw bars from left to right."""
        ...

    def plot(
        self, x: Sequence[object], y: Sequence[float], *, marker: str, label: str, color: str | None = None
    ) -> object:
        """Draw a line."""
        ...

    def set_yticks(self, ticks: Sequence[int], labels: Sequence[str]) -> object:
        """Write at places of the axis."""
        ...

    def set(self, **properties: str) -> object:
        """Set labels and scales."""
        ...

    def set_ylim(self, bottom: float) -> object:
        """Begin the axis there."""
        ...

    def invert_yaxis(self) -> None:
        """Begin at the top."""
        ...

    def legend(self, *, frameon: bool, loc: str, bbox_to_anchor: tuple[float, float], ncols: int) -> object:
        """Say what is what."""
        ...


LABELS: Final[Mapping[str, str]] = {
    "dashboard": "{asked}",
    "accept": "{batch} a request, {connections} connections,\n{endpoints} endpoints, {keyed}",
    "deliver": "{transport}, {endpoints} endpoints",
    "through": "{load}",
    "fanout": "{endpoints}",
    "isolation": "{phase}",
    "growth": "{rows:,} rows",
    "memory": "{transport}, {in_flight:,}",
    "naive": "{system}",
    "goals": "{figure}",
}
_COLOURS: Final = {
    "api": "#3b6ea5",
    "deliverer": "#d98032",
    "worker": "#d98032",
    "postgres": "#4f8f5b",
    "broker": "#8a6bb1",
    "redis": "#b5524c",
}
_WIDTH: Final = 5.5
_ROW_HEIGHT: Final = 0.42
_STYLE: Final = Path(__file__).with_name("style.mplstyle")


def plot(name: str, rows: Rows) -> bytes:
    """Return the picture as SVG; the same result gives the same bytes."""
    panels = _INSTEAD.get(name) or (_costs, *_MORE.get(name, ()))
    written = BytesIO()
    with mpl.rc_context(fname=_STYLE):  # pyright: ignore[reportUnknownMemberType] - as below
        height = max(2.4, 1.2 + _ROW_HEIGHT * len(rows))
        figure = Figure(figsize=(_WIDTH * len(panels), height), layout="constrained")
        for position, panel in enumerate(panels, 1):
            panel(cast("Axes", figure.add_subplot(1, len(panels), position)), rows, LABELS[name])
        undated = {"Date": None}
        figure.savefig(written, format="svg", metadata=undated)  # pyright: ignore[reportUnknownMemberType] - untyped options
    return written.getvalue()


def _costs(axes: Axes, rows: Rows, label: str) -> None:
    """Bars of CPU by process."""
    places = range(len(rows))
    costs = [_cost(row) for row in rows]
    left = [0.0] * len(rows)
    for process, colour in _COLOURS.items():
        widths = [cost.get(process, 0.0) for cost in costs]
        if any(widths):
            axes.barh(places, widths, left=left, color=colour, label=process)
            left = [start + width for start, width in zip(left, widths, strict=True)]
    axes.set_yticks(places, [label.format(**row) for row in rows])
    axes.invert_yaxis()
    axes.set(xlabel="CPU ms per 1,000")
    _legend(axes)


def _legend(axes: Axes) -> None:
    """Say above the picture what is what."""
    axes.legend(frameon=False, loc="lower center", bbox_to_anchor=(0.5, 1.0), ncols=5)


def _cost(row: Mapping[str, object]) -> Mapping[str, float]:
    found = look_up(row, "cpu_ms_per_1000") or look_up(row, "cpu_ms_per_1000_deliveries")
    return cast("Mapping[str, float]", found)


def _percentiles(axes: Axes, rows: Rows, label: str) -> None:
    """Lines of latency from sending to receipt, a line for each percentile."""
    steady = [row for row in rows if row.get("rate", 0) is not None]
    for percent, colour in (("p50", "#4f8f5b"), ("p99", "#d98032"), ("p999", "#b5524c")):
        heights = [_number(row, f"to_receipt/{percent}_ms") for row in steady]
        axes.plot([label.format(**row) for row in steady], heights, marker="o", color=colour, label=percent)
    axes.set_ylim(bottom=0)
    axes.set(ylabel="ms from sending to receipt")
    _legend(axes)


def _course(axes: Axes, rows: Rows, label: str) -> None:
    """Lines of the healthy endpoints' p99 in the course of each phase."""
    for row in rows:
        heights = cast("Sequence[float]", row["p99_ms_by_5_s"])
        axes.plot([5 * number for number in range(len(heights))], heights, marker="o", label=label.format(**row))
    axes.set(yscale="log", xlabel="s of the phase", ylabel="p99 of the healthy, ms")
    _legend(axes)


def _times(axes: Axes, rows: Rows, label: str) -> None:
    """Lines of the time to the answer and to the last receipt."""
    del label
    counts = [_number(row, "endpoints") for row in rows]
    for path, told in (("to_answer_ms", "answer"), ("to_last_receipt_ms", "last receipt")):
        axes.plot(counts, [_number(row, path) for row in rows], marker="o", label=told)
    axes.set(xscale="log", yscale="log", xlabel="endpoints", ylabel="ms")
    _legend(axes)


def _number(row: Mapping[str, object], path: str) -> float:
    return float(cast("float", look_up(row, path)))


def _sizes(axes: Axes, rows: Rows, label: str) -> None:
    """Bars of resident memory."""
    places = range(len(rows))
    sizes = [_number(row, "deliverer/resident_mib") for row in rows]
    axes.barh(places, sizes, left=[0.0] * len(rows), color=_COLOURS["deliverer"], label="deliverer")
    axes.set_yticks(places, [label.format(**row) for row in rows])
    axes.invert_yaxis()
    axes.set(xlabel="MiB")
    _legend(axes)


def _shares(axes: Axes, rows: Rows, label: str) -> None:
    """Bars of what each figure is of its goal; where one is longer than 1 the goal is missed."""
    places = range(len(rows))
    axes.barh(places, [_number(row, "share") for row in rows], left=[0.0] * len(rows), color="#3b6ea5", label="median")
    axes.plot([1, 1], [-0.5, len(rows) - 0.5], marker="", label="goal", color="#b5524c")
    axes.set_yticks(places, [label.format(**row) for row in rows])
    axes.invert_yaxis()
    axes.set(xlabel="of the goal; a rate, the goal of it")
    _legend(axes)


_INSTEAD: Final[Mapping[str, Sequence[Callable[[Axes, Rows, str], None]]]] = {
    "memory": (_sizes,),
    "goals": (_shares,),
}
_MORE: Final[Mapping[str, Sequence[Callable[[Axes, Rows, str], None]]]] = {
    "through": (_percentiles,),
    "isolation": (_course,),
    "fanout": (_times,),
}
