//! The schedule file: every format reads back to the same schedule, and files that contradict themselves are refused.

use ncsn::commands::schedule::{Request, derive};
use ncsn::foreign::parse_yaml;
use ncsn::schedule_file::ScheduleFile;
use ncsn_theory::schedule::presets::DATASETS;

fn file(name: &str) -> ScheduleFile {
    derive(&Request::preset(name).unwrap()).unwrap().0
}

#[test]
fn toml_and_json_read_back_to_the_same_doubles_for_every_preset() {
    for dataset in &DATASETS {
        let file = file(dataset.name);
        assert_eq!(ScheduleFile::parse(&file.to_toml().unwrap()).unwrap(), file);
        assert_eq!(ScheduleFile::parse(&file.to_json().unwrap()).unwrap(), file);
    }
}

#[test]
fn authors_keys_read_back_to_the_same_schedule() {
    let file = file("celeba");
    let read = parse_yaml(&file.to_ncsnv2().unwrap(), Some(file.dim)).unwrap();
    assert_eq!(read.schedule, file.schedule().unwrap());
}

#[test]
fn contradictions_are_refused_with_the_key_named() {
    let good = file("ffhq").to_toml().unwrap();
    for (key, bad) in [
        ("schema", "schema = \"ncsn.schedule/2\""),
        ("gamma", "gamma = 1.0049"),
        ("overlap", "overlap = 0.51"),
        ("variance_ratio", "variance_ratio = 1.01"),
        ("score_evaluations", "score_evaluations = 7"),
        ("num_levels", "num_levels = 1"),
        ("steps_per_level", "steps_per_level = 0"),
        ("epsilon", "epsilon = 0.0002"),
        ("epsilon", "epsilon = nan"),
        ("sigma_min", "sigma_min = 400.0"),
        ("sigma_max", "sigma_max = inf"),
        ("data_range", "data_range = \"percent\""),
        ("sigma_mx", "sigma_mx = 3.0"),
        ("gamma_root", "gamma_root = 7.5"),
        ("overlap", "overlap_target = -3.0"),
        ("gamma_root", "overlap_target = 0.4"),
        ("law", "law = \"cauchy\""),
        ("gamma_root", "law = \"chi\""),
        ("rounding", "rounding = \"up\""),
    ] {
        let mut replaced = false;
        let mut lines: Vec<String> = good
            .lines()
            .map(|line| {
                let same_key = !replaced && line.split(" = ").next() == bad.split(" = ").next();
                replaced |= same_key;
                if same_key { bad.to_owned() } else { line.to_owned() }
            })
            .collect();
        if !replaced {
            lines.insert(0, bad.to_owned());
        }
        let error = format!("{:#}", ScheduleFile::parse(&lines.join("\n")).unwrap_err());
        assert!(error.contains(key), "{bad}: {error}");
        assert!(!error.contains('\n'), "{bad}: {error}");
    }
}

#[test]
fn every_truncation_is_an_error_and_none_panics() {
    let text = file("mnist").to_json().unwrap();
    for end in 0..text.trim_end().len() {
        if text.is_char_boundary(end) {
            assert!(ScheduleFile::parse(&text[..end]).is_err(), "{end}");
        }
    }
}
