"""What is refused before anything is built: too little memory, too little disk."""

from pathlib import Path

import pytest
from ketasim.simulation.footprint import expected_size, file_of, memory_of
from ketasim.simulation.resources import (
    ResourceError,
    check_disk,
    check_memory,
    free_disk,
    free_memory,
    group_memory,
    refuse_what_cannot_work,
)

from ketasim.simulation import resources


def test_a_million_neurons_are_refused_before_they_are_built(small, monkeypatch, tmp_path):
    """Catches a network that fills the memory of a machine instead of a line that says what it would take."""
    experiment = small(network={"neurons": 1_000_000})
    assert memory_of(expected_size(experiment), experiment) > 60e9  # 868 million synapses of 70 bytes
    monkeypatch.setattr(resources, "free_memory", lambda: 16e9)
    with pytest.raises(ResourceError) as caught:
        refuse_what_cannot_work(experiment, tmp_path / "run.h5")
    message = str(caught.value)
    assert caught.value.exit_code == 2
    assert "GB of memory, 16 GB are free (1,000,000 neurons, about 868," in message
    assert "lower `network.neurons`" in message and "\n" not in message
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(("name", "edges", "memory"), [("a.graphml", 7.1e6, 21e9), ("a.csv", 40e6, 28e9)])
def test_a_network_file_is_refused_by_its_length(small, tmp_path, name, edges, memory):
    """Catches a file of 1 GB that is read until the memory is full; text takes most of it, not the network."""
    file = tmp_path / name
    with open(file, "wb") as stream:
        stream.truncate(1_000_000_000)  # takes no room on the disk
    experiment = small(network={"file": str(file)})
    size = expected_size(experiment)
    assert size.synapses == pytest.approx(edges, rel=0.02)
    assert memory_of(size, experiment) == pytest.approx(memory, rel=0.05)
    with pytest.raises(ResourceError, match="take a smaller network"):
        check_memory(size, experiment, 16e9)


def test_the_limit_is_the_estimate(small):
    """Catches a comparison the wrong way round, and a file kept in memory that counts for nothing."""
    experiment = small()
    size = expected_size(experiment)
    memory, file = memory_of(size, experiment), file_of(size, experiment)
    check_memory(size, experiment, memory)
    check_memory(size, experiment, memory + file, in_memory=True)
    for free, in_memory in ((0.99 * memory, False), (memory + 0.9 * file, True)):
        with pytest.raises(ResourceError, match="of memory"):
            check_memory(size, experiment, free, in_memory)
    with pytest.raises(ResourceError, match=r"out/run.h5 will take about .* and its checkpoint"):
        check_disk(size, experiment, 0.9 * file, Path("out/run.h5"))
    check_disk(size, experiment, 10.0 * file, Path("out/run.h5"))


def test_hints_name_what_makes_the_run_large(small):
    """Catches advice to take fewer neurons where it is the schedule, the circuit file or the recording."""
    long = small(duration="1000 d", schedule={"baseline": "2 s", "step": "1 min"}, recording={})
    with pytest.raises(ResourceError, match=r"rows\); lengthen `schedule.step` or shorten `duration`$"):
        check_memory(expected_size(long), long, 1e9)
    with pytest.raises(ResourceError, match=r"leave out `recording.node_signals` or leave out `recording.spikes`"):
        check_disk(expected_size(small()), small(), 1.0, Path("run.h5"))
    measured = small(network={"neurons": 1000})
    with pytest.raises(ResourceError, match=r"or set `recording.measures: false`"):
        check_memory(expected_size(measured), measured, 1.0)


def test_free_memory_and_disk_are_found(tmp_path):
    """Catches a folder not yet made that is taken for a full disk, and kilobytes taken for bytes."""
    assert 1e8 < free_memory() < 1e15
    there, not_there = free_disk(tmp_path / "run.h5"), free_disk(tmp_path / "not" / "yet" / "run.h5")
    assert there == pytest.approx(not_there, rel=0.1)
    assert 0.0 < there < 1e18


def test_the_limit_of_a_batch_job_counts(tmp_path):
    """Catches a job killed by its scheduler because the machine as a whole had memory left."""
    group, groups = tmp_path / "cgroup", tmp_path / "groups"
    job = groups / "job" / "step"
    job.mkdir(parents=True)
    assert group_memory(group, groups) == float("inf")
    group.write_text("0::/job/step\n")
    assert group_memory(group, groups) == float("inf")
    (job / "memory.max").write_text("max\n")
    (job / "memory.current").write_text("1000\n")
    assert group_memory(group, groups) == float("inf")
    (job.parent / "memory.max").write_text("5000\n")
    (job.parent / "memory.current").write_text("2000\n")
    assert group_memory(group, groups) == 3000.0
    (job / "memory.max").write_text("1500\n")
    assert group_memory(group, groups) == 500.0
    (job / "memory.current").write_text("1600\n")
    assert group_memory(group, groups) == 0.0
