"""The cache of compiled kernels: never stale, never in the user's way."""

import importlib.util
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import numba
import pytest

from ketasim.kernels import jit

KERNELS = Path(jit.__file__).parent


@pytest.fixture
def copy_of_kernels(tmp_path):
    """Package of the same name that holds nothing but a copy of the kernels."""
    folder = tmp_path / "package" / "ketasim" / "kernels"
    shutil.copytree(KERNELS, folder, ignore=shutil.ignore_patterns("__pycache__"))
    (folder.parent / "__init__.py").touch()
    return folder


def cache_folder(kernels):
    """Cache folder that a fresh process with these kernels would use."""
    spec = importlib.util.spec_from_file_location("jit_under_test", kernels / "jit.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module.CACHE_FOLDER


@pytest.mark.parametrize("name", sorted(path.name for path in KERNELS.glob("*.py")))
def test_cache_folder_changes_with_every_kernel_source(name, copy_of_kernels, tmp_path, monkeypatch):
    """Catches a source that the digest leaves out: its old machine code would go on running."""
    monkeypatch.setenv("NUMBA_CACHE_DIR", str(tmp_path / "cache"))
    before = cache_folder(copy_of_kernels)
    assert cache_folder(copy_of_kernels) == before
    with (copy_of_kernels / name).open("a") as source:
        source.write("\n# edited\n")
    assert cache_folder(copy_of_kernels) != before


def test_cache_folder_changes_when_a_source_is_renamed_or_numba_updated(copy_of_kernels, tmp_path, monkeypatch):
    """Catches a digest of contents alone."""
    monkeypatch.setenv("NUMBA_CACHE_DIR", str(tmp_path / "cache"))
    folders = [cache_folder(copy_of_kernels)]
    (copy_of_kernels / "graph.py").rename(copy_of_kernels / "graphs.py")
    folders.append(cache_folder(copy_of_kernels))
    monkeypatch.setattr(numba, "__version__", "0.0")
    folders.append(cache_folder(copy_of_kernels))
    assert len(set(folders)) == 3


def test_edited_helper_reaches_a_cached_caller(copy_of_kernels, tmp_path):
    """Catches stale code that numba's own check of freshness lets run: a caller whose helper, elsewhere, changed."""
    (copy_of_kernels / "caller.py").write_text(
        "from ketasim.kernels.helper import factor\n"
        "from ketasim.kernels.jit import kernel\n\n\n"
        "@kernel\ndef scaled(value):\n    return factor() * value\n"
    )
    program = "from ketasim.kernels.caller import scaled; print(scaled(2.0), sum(scaled.stats.cache_hits.values()))"
    paths = {"PYTHONPATH": str(copy_of_kernels.parents[1]), "NUMBA_CACHE_DIR": str(tmp_path / "cache")}

    def run(value):
        (copy_of_kernels / "helper.py").write_text(
            f"from ketasim.kernels.jit import kernel\n\n\n@kernel\ndef factor():\n    return {value}\n"
        )
        command = [sys.executable, "-c", program]
        answer = subprocess.run(
            command, env=os.environ | paths, cwd=tmp_path, capture_output=True, text=True, check=True
        )
        return answer.stdout.split()

    assert run(3.0) == ["6.0", "0"]
    assert run(3.0) == ["6.0", "1"], "the second process compiled again"
    assert run(5.0) == ["10.0", "0"]


@pytest.fixture
def run_random(copy_of_kernels, tmp_path):
    """Call a kernel in a fresh process; returns exit code, sum, whether it came from the cache, warnings."""
    program = (
        "import numpy as np; from ketasim.kernels.random import draw_words\n"
        "words = np.zeros(512, np.uint32); draw_words(words, np.uint32(1), np.uint64(1), np.int64(2), 0, 128)\n"
        "print(words.sum(), sum(draw_words.stats.cache_hits.values()))"
    )
    paths = {"PYTHONPATH": str(copy_of_kernels.parents[1]), "NUMBA_CACHE_DIR": str(tmp_path / "cache")}

    def run(**environment):
        done = subprocess.run(
            [sys.executable, "-c", program],
            env=os.environ | paths | environment,
            capture_output=True,
            text=True,
            check=False,
        )
        return done.returncode, *done.stdout.split(), done.stderr

    return run


DAMAGES = {
    "emptied": lambda content: b"",
    "cut": lambda content: content[: len(content) // 2],
    "flipped": lambda content: content[:200] + bytes([content[200] ^ 1]) + content[201:],
}


@pytest.mark.parametrize("damage", DAMAGES.values(), ids=DAMAGES)
@pytest.mark.parametrize("kind", ["nbi", "nbc"])
def test_damaged_machine_code_is_compiled_again_with_one_line(run_random, tmp_path, kind, damage):
    """Catches a file that a power cut left empty or cut, and that ends every later process in "Aborted."."""
    _, words, _, _ = run_random()
    files = list((tmp_path / "cache").glob(f"**/*.{kind}"))
    for file in files:
        file.write_bytes(damage(file.read_bytes()))
    code, again, hits, said = run_random()
    assert (code, again, hits) == (0, words, "0")
    assert len(said.splitlines()) == 1
    assert "compiled kernels are damaged; they are compiled again" in said
    assert run_random() == (0, words, "1", ""), "the damage stayed"
    assert files


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no limit on the size of a file")
def test_a_cache_that_does_not_fit_on_the_disk_ends_no_run(copy_of_kernels, tmp_path):
    """Catches a full disk, or a quota, that stops a run whose results go elsewhere."""
    program = (
        "import resource, signal; signal.signal(signal.SIGXFSZ, signal.SIG_IGN)\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000))\n"
        "import numpy as np; from ketasim.kernels.random import draw_words; words = np.zeros(512, np.uint32)\n"
        "draw_words(words, np.uint32(1), np.uint64(1), np.int64(2), 0, 128); print(words.any())"
    )
    paths = {"PYTHONPATH": str(copy_of_kernels.parents[1]), "NUMBA_CACHE_DIR": str(tmp_path / "cache")}
    done = subprocess.run(
        [sys.executable, "-c", program], env=os.environ | paths, capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stdout) == (0, "True\n")
    assert len(done.stderr.splitlines()) == 1
    assert "File too large; kernels are recompiled next time" in done.stderr


def test_plain_python_is_announced(run_random):
    """Catches NUMBA_DISABLE_JIT of a debugging session that makes a run take days without a word."""
    assert "NUMBA_DISABLE_JIT is set" in run_random(NUMBA_DISABLE_JIT="1")[-1].splitlines()[0]


@pytest.mark.parametrize("threads", ["-1", "0", "many"])
def test_a_wrong_number_of_threads_does_not_matter(run_random, threads):
    """Catches a traceback through numba for a setting of other programs that ketasim does not use."""
    assert run_random(NUMBA_NUM_THREADS=threads)[0] == 0


def test_compiler_settings_of_the_environment_have_a_cache_of_their_own(run_random, tmp_path):
    """Catches slow code of a debugging session, which every later run would load."""
    run_random()
    assert run_random(NUMBA_OPT="1")[2] == "0"


def test_cache_folder_changes_with_the_processor(copy_of_kernels, tmp_path, monkeypatch):
    """Catches machine code of one processor that another, with the same home folder, would load."""
    monkeypatch.setenv("NUMBA_CACHE_DIR", str(tmp_path / "cache"))
    folders = [cache_folder(copy_of_kernels)]
    for name, features in (("generic", None), ("generic", "+avx")):
        monkeypatch.setattr(numba.config, "CPU_NAME", name)
        monkeypatch.setattr(numba.config, "CPU_FEATURES", features)
        folders.append(cache_folder(copy_of_kernels))
    assert len(set(folders)) == 3


def test_eight_processes_that_start_cold_at_once_all_finish(copy_of_kernels, tmp_path):
    """Catches a race for the cache: all eight compile or load, and say the same."""
    program = (
        "import numpy as np; from ketasim.kernels.random import draw_words\n"
        "words = np.zeros(512, np.uint32); draw_words(words, np.uint32(1), np.uint64(1), np.int64(2), 0, 128)\n"
        "print(words.sum())"
    )
    paths = {"PYTHONPATH": str(copy_of_kernels.parents[1]), "NUMBA_CACHE_DIR": str(tmp_path / "cache")}
    processes = [
        subprocess.Popen([sys.executable, "-c", program], env=os.environ | paths, stdout=subprocess.PIPE, text=True)
        for _ in range(8)
    ]
    answers = {process.communicate()[0] for process in processes}
    assert {process.returncode for process in processes} == {0}
    assert len(answers) == 1


def test_unwritable_cache_folder_falls_back(tmp_path, monkeypatch, caplog):
    """Catches a start-up that fails, or compiles each time without a word, where the folder cannot be written."""
    blocked = tmp_path / "file"
    blocked.write_text("a file where a folder would have to be made")
    monkeypatch.setenv("NUMBA_CACHE_DIR", str(blocked))
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    first, second = cache_folder(KERNELS), cache_folder(KERNELS)
    assert first.is_dir()
    assert first.is_relative_to(tmp_path)
    assert first != second  # private: nobody can put code there beforehand
    assert [str(blocked) in record.getMessage() for record in caplog.records] == [True, True]  # once a process


def test_account_without_home_folder_falls_back(tmp_path, monkeypatch):
    """Catches a start-up that fails in a container whose user has no home."""

    def nowhere():
        raise RuntimeError("Could not determine home directory.")

    for variable in ("NUMBA_CACHE_DIR", "XDG_CACHE_HOME", "LOCALAPPDATA"):
        monkeypatch.delenv(variable, raising=False)
    monkeypatch.setattr(Path, "home", nowhere)
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    assert cache_folder(KERNELS).is_relative_to(tmp_path)


@pytest.mark.parametrize("variable", ["NUMBA_CACHE_DIR", "XDG_CACHE_HOME", "LOCALAPPDATA"])
def test_cache_folder_follows_the_environment(variable, tmp_path, monkeypatch):
    """Catches a cache that ignores where the user wants it."""
    for name in ("NUMBA_CACHE_DIR", "XDG_CACHE_HOME", "LOCALAPPDATA"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv(variable, str(tmp_path))
    folder = cache_folder(KERNELS)
    assert folder.is_relative_to(tmp_path)
    assert "ketasim" in folder.parts


def test_numba_setting_of_the_user_is_untouched(tmp_path, monkeypatch):
    """Catches a cache folder that the user's own compiled functions inherit, even after a decoration that failed."""
    monkeypatch.setattr(jit, "CACHE_FOLDER", tmp_path)
    monkeypatch.setattr(numba.config, "CACHE_DIR", "of the user")
    function = jit.kernel(lambda x: x + 1)
    assert numba.config.CACHE_DIR == "of the user"
    assert Path(function.stats.cache_path).is_relative_to(tmp_path)
    with pytest.raises((TypeError, AttributeError)):
        jit.kernel("not a function")
    assert numba.config.CACHE_DIR == "of the user"


def test_whether_the_kernel_was_compiled_before(tmp_path, monkeypatch):
    """Catches a warning about compilation that never or always comes."""
    monkeypatch.setattr(jit, "CACHE_FOLDER", tmp_path)
    assert not jit.compiled_before()
    below = tmp_path / "kernels_0123"
    below.mkdir()
    (below / "chunks.run_part-180.py311.1.nbc").touch()
    assert jit.compiled_before()
