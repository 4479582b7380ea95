//! `sheets`: what its page says makes each picture does make it.

mod common;

use std::fs;

use common::command::{failure, small_run, success, trainer};

#[test]
fn each_caption_names_the_command_that_makes_its_picture() {
    let folder = tempfile::tempdir().expect("a folder");
    let folder = folder.path();
    success(small_run(&folder.join("run"), 12).current_dir(folder));
    let sheets =
        "sheets run --num 5 --pairs 2 --count 2 --images 1 --seed 3 --steps-per-level 1 --device cpu";
    let said = success(trainer(sheets).current_dir(folder));
    assert_eq!(said.lines().count(), 5, "{said}");
    let page = fs::read_to_string(folder.join("run/sheets/index.html")).expect("a page");
    assert_eq!(page.matches("src=\"data:image/png;base64,").count(), 4);
    assert!(!page.contains("http"), "nothing is fetched");
    // Two checkpoints are kept: their steps stand in the caption.
    assert!(page.contains("after steps 8, 12: above"), "{said}");
    let commands: Vec<&str> = page
        .split("<code>")
        .skip(1)
        .filter_map(|rest| rest.split_once("</code>").map(|(text, _)| text))
        .collect();
    assert_eq!(commands.len(), 4);
    for (command, file) in [(commands[0], "samples.png"), (commands[2], "interpolation.png")] {
        let arguments = command.strip_prefix("ncsn-trainer ").expect("our program");
        success(trainer(&format!("{arguments} --device cpu")).current_dir(folder));
        let [own, shown] = [folder.join(file), folder.join("run/sheets").join(file)].map(fs::read);
        assert!(own.expect("made") == shown.expect("shown"), "{command}");
    }
}

#[test]
fn neighbours_are_those_that_their_own_command_finds() {
    let folder = tempfile::tempdir().expect("a folder");
    let folder = folder.path();
    let run = |arguments: &str| success(trainer(arguments).current_dir(folder));
    run("data --preset shapes -o shapes.npy");
    run(
        "train --preset shapes --data shapes.npy --held-out 0 --filters 4 --batch 4 --iterations 4 --samples 0 \
         --device cpu --run run",
    );
    run("sheets run --num 4 --neighbours 3 --pairs 1 --count 1 --images 1 --steps-per-level 1 --device cpu");
    run("sample --checkpoint run --num 4 --steps-per-level 1 --output samples.npy --device cpu");
    run(
        "neighbours --samples samples.npy --data shapes.npy --num 3 --flip --grid neighbours.png --device cpu",
    );
    let [own, shown] =
        ["neighbours.png", "run/sheets/neighbours.png"].map(|file| fs::read(folder.join(file)));
    assert!(own.expect("made") == shown.expect("shown"));
    fs::remove_dir_all(folder.join("run/sheets")).expect("removes");
    fs::remove_file(folder.join("shapes.npy")).expect("removes");
    let moved = failure(trainer("sheets run --device cpu").current_dir(folder));
    assert!(moved.contains("neighbours (--neighbours 0 leaves them out): cannot read shapes.npy"), "{moved}");
    run("sheets run --num 4 --neighbours 0 --pairs 1 --count 1 --images 1 --steps-per-level 1 --device cpu");
    assert!(!folder.join("run/sheets/neighbours.png").exists());
}

#[test]
fn a_run_without_checkpoints_or_without_pictures_is_refused() {
    let folder = tempfile::tempdir().expect("a folder");
    let folder = folder.path();
    fs::create_dir(folder.join("empty")).expect("a folder");
    let refused = |arguments: &str| failure(trainer(arguments).current_dir(folder));
    assert!(refused("sheets empty").contains("empty/checkpoints holds no checkpoint, nothing to show"));
    assert!(refused("sheets empty --num 0").contains("num is 0, allowed: 1 to 65536"));
    success(
        trainer("train --preset mixture2d --iterations 2 --batch 8 --samples 0 --device cpu --run points")
            .current_dir(folder),
    );
    assert!(refused("sheets points --device cpu").contains("vectors are no pictures"));
    assert!(!folder.join("points/sheets").exists(), "nothing is left half done");
}
