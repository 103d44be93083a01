"""Files that are cut, changed, of another program or of a newer version: the package and the program name them and say why."""

import pathlib
import shutil
import zipfile

import pytest

try:
    import h5py
    import torch
    from test_package import model, people, run, the_program  # noqa: F401

    import bifrons
except ImportError:
    pytest.skip("this Python has no torch or h5py", allow_module_level=True)


@pytest.fixture(scope="module")
def saved(run):  # noqa: F811
    return torch.load(run.latest, weights_only=True)


def cut(path, share=0.5):
    data = path.read_bytes()
    path.write_bytes(data[:int(len(data) * share)])


def without(saved, key):
    return {name: value for name, value in saved.items() if name != key}


def test_a_flipped_bit_in_any_record_of_a_checkpoint_is_found(run, tmp_path):  # noqa: F811
    data = run.latest.read_bytes()
    with zipfile.ZipFile(run.latest) as archive:
        records = [(each.filename, each.header_offset) for each in archive.infolist() if each.file_size > 100]
    assert len(records) > 10
    for name, offset in records[::5]:
        at = offset + 200  # behind the record's header and padding
        (tmp_path / "bit.pt").write_bytes(data[:at] + bytes([data[at] ^ 1]) + data[at + 1:])
        with pytest.raises(ValueError, match=f'bit.pt is damaged, .*record "{name}" does not match its checksum'):
            bifrons.load(tmp_path / "bit.pt")


@pytest.mark.parametrize("share", [0, 0.001, 0.5, 0.999])
def test_a_checkpoint_that_is_cut_is_refused(run, tmp_path, share):  # noqa: F811
    shutil.copy(run.latest, tmp_path / "cut.pt")
    cut(tmp_path / "cut.pt", share)
    with pytest.raises(ValueError, match="cut.pt is damaged, or no network of bifrons .*give a whole checkpoint"):
        bifrons.load(tmp_path / "cut.pt")


class Foreign:
    pass


CHECKPOINTS = {
    "of another program": (lambda saved: {"state_dict": {}}, "no network of bifrons"),
    "no dict": (lambda saved: [1], "no network of bifrons"),
    "foreign classes": (lambda saved: {**saved, "more": Foreign()}, "plain tensors"),
    "a newer one": (lambda saved: {**saved, "format_version": 2}, "version 2, this package reads up to 1; use a newer bifrons"),
    "without version": (lambda saved: without(saved, "format_version"), "no readable format_version"),
    "without weights": (lambda saved: without(saved, "model_state_dict"), "has no 'model_state_dict'"),
    "of other shapes": (lambda saved: {**saved, "model": {**saved["model"], "width": 32}}, "size mismatch"),
    "of an unknown key": (lambda saved: {**saved, "model": {**saved["model"], "widht": 32}}, "widht"),
    "of an unknown word": (lambda saved: {**saved, "model": {**saved["model"], "norm": "batch"}}, "model.norm = 'batch'"),
    "broken meta": (lambda saved: {**saved, "meta": "{"}, "line 1"),
}


@pytest.mark.parametrize("case", CHECKPOINTS)
def test_another_checkpoint_is_refused(saved, tmp_path, case):
    change, words = CHECKPOINTS[case]
    torch.save(change(saved), tmp_path / "other.pt")
    with pytest.raises(ValueError, match=f"(?s)other.pt .*{words}") as refused:
        bifrons.load(tmp_path / "other.pt")
    assert "weights_only" not in str(refused.value)  # torch's advice, which is dangerous


def test_a_missing_file_stays_one(tmp_path):
    for read in (bifrons.load, bifrons.Set, bifrons.Run):
        with pytest.raises(FileNotFoundError, match="gone"):
            read(tmp_path / "gone")


def test_a_cut_safetensors_is_refused(model, tmp_path):  # noqa: F811
    pytest.importorskip("safetensors", reason="safetensors is not installed")
    bifrons.export_safetensors(model, tmp_path / "cut.safetensors")
    cut(tmp_path / "cut.safetensors")
    with pytest.raises(ValueError, match="cut.safetensors is damaged"):
        bifrons.load(tmp_path / "cut.safetensors")


def test_a_cut_or_newer_set_is_refused(people, tmp_path):  # noqa: F811
    shutil.copy(people[0].path, tmp_path / "cut.h5")
    shutil.copy(people[0].path, tmp_path / "newer.h5")
    cut(tmp_path / "cut.h5")
    with pytest.raises(ValueError, match="cut.h5 is damaged, or no set of bifrons .*truncated"):
        bifrons.Set(tmp_path / "cut.h5")
    with h5py.File(tmp_path / "newer.h5", "a") as file:
        file.attrs["format_version"] = 2
    with pytest.raises(ValueError, match="newer.h5 is of format version 2"):
        bifrons.Set(tmp_path / "newer.h5")


@pytest.mark.parametrize("name", ["config.resolved.toml", "run.json"])
def test_a_cut_file_of_a_run_is_named(run, tmp_path, name):  # noqa: F811
    shutil.copytree(run.folder, tmp_path / "run")
    path = tmp_path / "run" / name
    path.write_text(path.read_text().partition('"')[0] + '"')  # ends inside a string
    with pytest.raises(ValueError, match=f"{name} is damaged"):
        bifrons.Run(tmp_path / "run")


@pytest.mark.parametrize("line", ["{", "7", "{}", '{"kind":'])
def test_a_bad_row_of_metrics_is_named(run, tmp_path, line):  # noqa: F811
    shutil.copytree(run.folder, tmp_path / "run")
    with (tmp_path / "run/metrics.jsonl").open("a") as file:
        at = len(pathlib.Path(file.name).read_text().splitlines()) + 1
        file.write(line + "\n")
    with pytest.raises(ValueError, match=f"metrics.jsonl is damaged, .*line {at} "):
        bifrons.Run(tmp_path / "run")


def test_the_program_says_how_to_save_what_it_can_read(saved, model, people, tmp_path):  # noqa: F811
    with pytest.raises(bifrons.ProgramError, match=r"od.pt holds an OrderedDict.*save plain\s+dicts, such as dict") as refused:
        torch.save({**saved, "model_state_dict": model.state_dict()}, tmp_path / "od.pt")
        bifrons.command("swap", tmp_path / "od.pt", people[0].path, "-o", tmp_path / "swapped")
    assert refused.value.code == 65
    torch.save({**saved, "model_state_dict": dict(model.state_dict())}, tmp_path / "plain.pt")
    assert "10 written" in bifrons.command("swap", tmp_path / "plain.pt", people[0].path, "-o", tmp_path / "swapped")
