//! The schedule file: every format reads back to the same schedule, and files that contradict themselves are refused.

use ncsn::commands::schedule::{Request, derive};
use ncsn::foreign::parse_yaml;
use ncsn_schedule::ScheduleFile;
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
fn json_holds_the_levels_and_others_are_refused() {
    let file = file("ffhq");
    let mut json: serde_json::Value = serde_json::from_str(&file.to_json().unwrap()).unwrap();
    let sigmas: Vec<f64> = serde_json::from_value(json["sigmas"].clone()).unwrap();
    assert_eq!((sigmas.len(), sigmas[0], sigmas[2181]), (2182, 348.0, 0.01));
    // 348·(0.01/348)^(1000/2181), in decimals of 40 digits.
    assert!((sigmas[1000] / 2.878_997_009_142_237 - 1.0).abs() < 1e-14, "{:?}", sigmas[1000]);
    json["sigmas"][7] = 336.0.into();
    let message = ScheduleFile::parse(&json.to_string()).unwrap_err().to_string();
    assert!(message.starts_with("sigmas[7] is 336.0, but the other numbers"), "{message}");
    json["sigmas"] = serde_json::json!([348.0, 0.01]);
    let message = ScheduleFile::parse(&json.to_string()).unwrap_err().to_string();
    assert_eq!(message, "sigmas holds 2 levels, but num_levels is 2182");
}

#[test]
fn authors_keys_read_back_to_the_same_schedule() {
    let file = file("celeba");
    let read = parse_yaml(&file.to_ncsnv2().unwrap(), Some(file.schedule.dim())).unwrap();
    assert_eq!(read.schedule, file.schedule);
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
fn enclosures_widened_until_they_meet_are_refused_with_the_key_named() {
    type Widen = fn(&mut ScheduleFile);
    let good = file("ffhq");
    let widened = |widen: Widen| {
        let mut bad = good.clone();
        widen(&mut bad);
        [bad.to_toml().unwrap(), bad.to_json().unwrap()]
            .map(|text| ScheduleFile::parse(&text).expect_err("a contradiction").to_string())
    };
    // The values and both ends: each number lies in its enclosure, and each enclosure holds the exact number.
    let cases: [(&str, Widen); 10] = [
        ("gamma_root", |f| (f.values.gamma_root, f.enclosures.gamma_root) = (1.9, [1.0, 2.0])),
        ("gamma", |f| (f.values.gamma, f.enclosures.gamma) = (1.9, [1.0, 2.0])),
        ("overlap", |f| (f.values.overlap, f.enclosures.overlap) = (0.99, [0.0, 1.0])),
        ("epsilon", |f| f.enclosures.epsilon = [1e-9, 1e-4]),
        ("variance_ratio", |f| (f.values.variance_ratio, f.enclosures.variance_ratio) = (7.0, [1.0, 9.0])),
        // One side alone, and by 1e-12 of the number.
        ("gamma_root", |f| f.enclosures.gamma_root[1] *= 1.0 + 1e-12),
        ("gamma", |f| f.enclosures.gamma[0] *= 1.0 - 1e-12),
        ("overlap", |f| f.enclosures.overlap[1] *= 1.0 + 1e-12),
        ("epsilon", |f| f.enclosures.epsilon[0] *= 1.0 - 1e-12),
        ("variance_ratio", |f| f.enclosures.variance_ratio[1] *= 1.0 + 1e-12),
    ];
    for (key, widen) in cases {
        for error in widened(widen) {
            assert!(error.starts_with(&format!("{key} is stated to lie in ")), "{key}: {error}");
        }
    }
}

#[test]
fn an_enclosure_of_another_version_a_few_ulps_wider_is_taken() {
    let mut file = file("ffhq");
    for ends in [
        &mut file.enclosures.gamma_root,
        &mut file.enclosures.gamma,
        &mut file.enclosures.overlap,
        &mut file.enclosures.epsilon,
        &mut file.enclosures.variance_ratio,
    ] {
        *ends = [ends[0].next_down().next_down(), ends[1].next_up().next_up()];
    }
    assert_eq!(ScheduleFile::parse(&file.to_toml().unwrap()).unwrap(), file);
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
