//! `hype`: what the page gives away, what the key says, and the score of answers, down to those of a real browser.

#[path = "../../tests/browser/mod.rs"]
mod browser;
mod common;

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;
use std::process::Output;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use browser::{in_browser, pictures};
use common::command::{failure, success, trainer, write_array, write_npy};

/// Images in each array.
const COUNT: usize = 12;
/// Values of an image, 3 × 8 × 8.
const DIM: usize = 192;
const MAKE: &str = "hype make --samples made.npy --data real.npy --num 10 --catch 8 --seed 5 -o page.html";

/// Two arrays of images without two equal ones: slopes, and the same with a pattern.
fn arrays(folder: &Path) -> [Vec<u8>; 2] {
    let value = |image: usize, index: usize| (20 * image + index % 64) as u8;
    let sets = [3, 0].map(|pattern| {
        let values = (0..COUNT * DIM)
            .map(|index| value(index / DIM, index % DIM).wrapping_add(pattern * (index % 5) as u8));
        values.collect::<Vec<u8>>()
    });
    for (name, bytes) in ["made.npy", "real.npy"].iter().zip(&sets) {
        write_npy(&folder.join(name), &format!("({COUNT}, 3, 8, 8)"), bytes);
    }
    sets
}

fn json_of(path: &Path) -> Value {
    serde_json::from_str(&fs::read_to_string(path).expect("a file")).expect("JSON")
}

/// What the page's script is given: names and images.
fn shown(page: &Path) -> Vec<(String, Vec<u8>)> {
    let html = fs::read_to_string(page).expect("a page");
    let data = html.split("id=\"data\">").nth(1).expect("data").split("</script>").next().expect("an end");
    let data: Value = serde_json::from_str(data).expect("JSON");
    let names: Vec<&String> = data.as_object().expect("an object").keys().collect();
    assert_eq!(names, ["height", "images", "page", "width"], "nothing else is told");
    let images = data["images"].as_array().expect("images");
    let image = |image: &Value| {
        assert_eq!(image.as_object().map(|image| image.len()), Some(2), "a name and pixels, nothing else");
        let png = STANDARD.decode(image["png"].as_str().expect("an image")).expect("base64");
        (image["id"].as_str().expect("a name").to_owned(), png)
    };
    images.iter().map(image).collect()
}

/// Truth and number of each image, by its name.
fn truths(key: &Value) -> BTreeMap<String, (String, Option<usize>)> {
    let image = |image: &Value| {
        let text = |name: &str| image[name].as_str().expect("text").to_owned();
        (text("id"), (text("truth"), image["number"].as_u64().map(|number| number as usize)))
    };
    key["images"].as_array().expect("images").iter().map(image).collect()
}

/// A folder with arrays, a page and its key.
fn made() -> (tempfile::TempDir, Value) {
    let folder = tempfile::tempdir().expect("a folder");
    arrays(folder.path());
    success(trainer(MAKE).current_dir(folder.path()));
    let key = json_of(&folder.path().join("page.key.json"));
    (folder, key)
}

/// Writes the answers of someone who is wrong about the first images of each kind: `wrong` generated, real, noise.
fn answer(folder: &Path, file: &str, key: &Value, name: &str, started: &str, wrong: [usize; 3]) {
    let mut left = BTreeMap::from([("generated", wrong[0]), ("real", wrong[1]), ("noise", wrong[2])]);
    let answers: Vec<Value> = truths(key)
        .iter()
        .zip(1..)
        .map(|((id, (truth, _)), number)| {
            let left = left.get_mut(truth.as_str()).expect("a kind");
            let is_wrong = *left > 0;
            *left = left.saturating_sub(1);
            let is_real = (truth == "real") != is_wrong;
            json!({"image": id, "answer": if is_real { "real" } else { "generated" }, "ms": 100 * number})
        })
        .collect();
    let all = json!({"schema": "ncsn.hype-answers/1", "page": key["page"], "evaluator": name, "session": file,
        "started": started, "finished": "2026-12-01T00:00:00.000Z", "answers": answers});
    fs::write(folder.join(file), all.to_string()).expect("writes");
}

fn score(folder: &Path, files: &str) -> Value {
    let arguments = format!("hype score --key page.key.json --format json {files}");
    serde_json::from_str(&success(trainer(&arguments).current_dir(folder))).expect("JSON")
}

#[test]
fn the_key_tells_the_pixels_of_every_image() {
    let folder = tempfile::tempdir().expect("a folder");
    let folder = folder.path();
    let [generated, real] = arrays(folder);
    let said = success(trainer(MAKE).current_dir(folder));
    assert!(
        said.starts_with("page.html: 10 real and 10 generated images of 3 x 8 x 8, 8 of noise,"),
        "{said}"
    );
    let key = json_of(&folder.join("page.key.json"));
    let truths = truths(&key);
    let mut seen: BTreeMap<&str, BTreeSet<Option<usize>>> = BTreeMap::new();
    for (id, png) in shown(&folder.join("page.html")) {
        let picture = image::load_from_memory(&png).expect("a PNG").into_rgb8();
        let planes: Vec<u8> =
            (0..3).flat_map(|channel| picture.pixels().map(move |pixel| pixel[channel])).collect();
        let (truth, number) = &truths[&id];
        seen.entry(truth).or_default().insert(*number);
        match (truth.as_str(), number) {
            ("generated", Some(number)) => assert_eq!(planes, generated[number * DIM..][..DIM]),
            ("real", Some(number)) => assert_eq!(planes, real[number * DIM..][..DIM]),
            other => assert_eq!(other, ("noise", &None)),
        }
    }
    assert_eq!((truths.len(), seen["generated"].len(), seen["real"].len()), (28, 10, 10), "no image twice");
    let digest = ncsn_shell::read(&folder.join("real.npy"), &Default::default()).expect("an array");
    assert_eq!(key["data"]["sha256"].as_str(), digest.digest().ok());
    assert_eq!((&key["seed"], &key["data"]["count"]), (&json!(5), &json!(12)));
}

/// With the sets exchanged, all that is true of the images is; so what stays the same cannot tell.
#[test]
fn the_page_is_the_same_whatever_is_real() {
    let folder = tempfile::tempdir().expect("a folder");
    let folder = folder.path();
    arrays(folder);
    let make = |samples: &str, data: &str, output: &str, more: &str| {
        let _ = fs::remove_file(folder.join(format!("{output}.key.json")));
        let arguments =
            format!("hype make --samples {samples} --data {data} --num 12 {more} -o {output}.html");
        success(trainer(&arguments).current_dir(folder));
        (
            fs::read(folder.join(format!("{output}.html"))).expect("a page"),
            json_of(&folder.join(format!("{output}.key.json"))),
        )
    };
    let (page, key) = make("made.npy", "real.npy", "one", "--seed 5");
    let (exchanged, other) = make("real.npy", "made.npy", "two", "--seed 5");
    assert!(page == exchanged, "the page depends on what is real");
    let (truths, others) = (truths(&key), truths(&other));
    for (id, (truth, number)) in &truths {
        let opposite = match truth.as_str() {
            "real" => "generated",
            "generated" => "real",
            other => other,
        };
        assert_eq!(others[id], (opposite.to_owned(), *number));
    }
    // Their order is none of kinds.
    let order: Vec<&str> = truths.values().map(|(truth, _)| truth.as_str()).collect();
    let changes = order.windows(2).filter(|pair| pair[0] != pair[1]).count();
    assert!(changes > 4, "{order:?}");
    let another = ["--seed 6", "", ""].map(|more| make("made.npy", "real.npy", "more", more).0);
    let pages: BTreeSet<&Vec<u8>> = another.iter().chain([&page]).collect();
    assert_eq!(pages.len(), 4, "another seed, another page; without one, another every time");
}

#[test]
fn images_differ_in_their_pixels_alone() {
    let (folder, key) = made();
    let images = shown(&folder.path().join("page.html"));
    let names: BTreeSet<&String> = images.iter().map(|(id, _)| id).collect();
    assert_eq!(names.len(), 28);
    assert!(names.iter().all(|id| id.len() == 16 && id.chars().all(|c| c.is_ascii_hexdigit())), "{names:?}");
    assert_eq!(names.into_iter().cloned().collect::<Vec<_>>(), truths(&key).into_keys().collect::<Vec<_>>());
    let first = &images[0].1;
    for (_, png) in &images {
        assert_eq!(png.len(), first.len());
        // Signature, header and the beginning of the pixels.
        assert_eq!(png[..41], first[..41]);
    }
    let chunks =
        |name: &[u8]| images.iter().filter(|(_, png)| png.windows(4).any(|four| four == name)).count();
    assert_eq!([&b"tEXt"[..], b"tIME", b"gAMA", b"pHYs", b"eXIf"].map(chunks), [0; 5], "no metadata");
}

#[test]
fn the_page_needs_nothing_else_and_names_no_file() {
    let (folder, key) = made();
    let html = fs::read_to_string(folder.path().join("page.html")).expect("a page");
    let foreign = [
        "http:",
        "https:",
        "//cdn",
        "url(",
        "@import",
        "fetch(",
        "XMLHttpRequest",
        "WebSocket",
        "sendBeacon",
    ];
    for foreign in foreign {
        assert!(!html.contains(foreign), "{foreign}");
    }
    let sources: Vec<&str> =
        html.split("src").skip(1).filter(|after| after.trim_start().starts_with('=')).collect();
    assert!(
        !sources.is_empty() && sources.iter().all(|after| after.starts_with(" = 'data:image/png;base64,'"))
    );
    assert_eq!(html.matches("href=\"").count(), html.matches("href=\"data:,\"").count());
    assert!(html.contains("default-src 'none'; img-src data:"), "the browser is told to load nothing");
    for told in ["made.npy", "real.npy", key["samples"]["sha256"].as_str().expect("a digest"), "noise"] {
        assert!(!html.contains(told), "{told}");
    }
    assert!(!html.contains("{{"), "every placeholder is filled");
}

/// Worked out by hand: 10 images of either kind; 40 and 20 %, 60 and 0 %.
#[test]
fn the_score_is_the_mean_of_the_evaluators_who_count() {
    let (folder, key) = made();
    let folder = folder.path();
    answer(folder, "a.json", &key, "Ana", "2026-11-30T10:00:00.000Z", [4, 2, 1]);
    answer(folder, "b.json", &key, "Ben", "2026-11-30T11:00:00.000Z", [6, 0, 0]);
    let found = score(folder, "a.json b.json");
    let overall = ["hype", "fakes_error", "reals_error", "counted"].map(|name| found[name].clone());
    assert_eq!(overall, [json!(30.0), json!(50.0), json!(10.0), json!(2)]);
    assert_eq!(found["schema"], "ncsn.hype/1");
    let each: Vec<_> =
        found["evaluators"].as_array().expect("evaluators").iter().map(|one| one["hype"].clone()).collect();
    assert_eq!(each, [json!(30.0), json!(30.0)]);
    assert_eq!((&found["standard_deviation"], &found["interval"]), (&json!(0.0), &json!([30.0, 30.0])));
    // Others: 20 and 50; sets of two have the means 20, 35, 35 and 50: standard deviation √(225/2), four standard errors of which
    // for 10,000 sets are 4/√(4·10⁴) = 2 % (a kurtosis of 2).
    answer(folder, "a.json", &key, "Ana", "2026-11-30T10:00:00.000Z", [2, 2, 0]);
    answer(folder, "b.json", &key, "Ben", "2026-11-30T11:00:00.000Z", [4, 6, 0]);
    let found = score(folder, "a.json b.json");
    let deviation = found["standard_deviation"].as_f64().expect("a number");
    assert!((deviation / 112.5_f64.sqrt() - 1.0).abs() < 0.02, "{found}");
    assert_eq!((&found["hype"], &found["interval"]), (&json!(35.0), &json!([20.0, 50.0])));
    assert_eq!(found, score(folder, "a.json b.json"), "the seed fixes the sets");
    // Times 100, 200, … 2800 ms without those of the noise.
    let times: Vec<f64> = truths(&key)
        .values()
        .zip(1..)
        .filter(|((truth, _), _)| truth != "noise")
        .map(|(_, n)| 100.0 * f64::from(n))
        .collect();
    assert_eq!(found["median_ms"], json!((times[9] + times[10]) / 2.0));
    let text = success(trainer("hype score --key page.key.json a.json").current_dir(folder));
    assert!(text.contains("HYPE 20.0; one evaluator has no standard deviation and no interval"), "{text}");
    assert_eq!(score(folder, "a.json")["standard_deviation"], Value::Null);
}

#[test]
fn who_does_not_count_is_named_with_the_reason() {
    let (folder, key) = made();
    let folder = folder.path();
    let answer = |file: &str, name: &str, hour: u32, wrong| {
        answer(folder, file, &key, name, &format!("2026-11-30T{hour}:00:00.000Z"), wrong);
    };
    answer("good.json", "Ana", 10, [5, 1, 1]);
    answer("again.json", "  ANA ", 12, [0, 1, 0]);
    answer("blind.json", "Ben", 10, [5, 5, 2]);
    answer("all-real.json", "Cem", 10, [10, 0, 0]);
    answer("all-generated.json", "Dan", 10, [0, 10, 0]);
    answer("part.json", "Eva", 10, [0, 0, 0]);
    // Ben looks better the second time, having seen the images.
    answer("blind-again.json", "ben", 11, [1, 1, 0]);
    // Fay was interrupted, sent what there was, and went on.
    answer("fay-part.json", "Fay", 10, [1, 1, 0]);
    answer("fay.json", "Fay", 10, [1, 3, 0]);
    for part in ["part.json", "fay-part.json"] {
        let mut answers = json_of(&folder.join(part));
        answers["answers"].as_array_mut().expect("answers").pop();
        answers["finished"] = Value::Null;
        fs::write(folder.join(part), answers.to_string()).expect("writes");
    }
    let reasons = [
        ("again.json", "a second time of the same evaluator"),
        ("good.json", ""),
        ("blind.json", "took 2 of 8 images of noise for real, allowed: up to 1"),
        ("blind-again.json", "a second time of the same evaluator"),
        ("all-real.json", "took every image for real"),
        ("all-generated.json", "took every image for generated"),
        ("part.json", "answered 27 of 28 images"),
        ("fay-part.json", "answered 27 of 28 images"),
        ("fay.json", ""),
    ];
    let files = reasons.map(|(file, _)| file).join(" ");
    let found = score(folder, &files);
    for (one, (file, reason)) in found["evaluators"].as_array().expect("evaluators").iter().zip(reasons) {
        assert_eq!((&one["file"], one["excluded"].as_str().unwrap_or_default()), (&json!(file), reason));
    }
    // Of Ana's 30 % and Fay's 20 %.
    assert_eq!((&found["counted"], &found["hype"]), (&json!(2), &json!(25.0)));
    let text = success(trainer(&format!("hype score --key page.key.json {files}")).current_dir(folder));
    for (file, reason) in reasons {
        assert!(
            reason.is_empty() || text.contains(&format!("left out: {reason} ({file})\n")),
            "{file}: {text}"
        );
    }
    let Output { status, stdout, .. } =
        trainer("hype score --key page.key.json blind.json").current_dir(folder).output().expect("starts");
    assert_eq!(status.code(), Some(1), "nobody is left");
    assert!(String::from_utf8_lossy(&stdout).ends_with("no evaluator is left: no score\n"));
}

#[test]
fn sets_that_make_no_page_are_refused() {
    let folder = tempfile::tempdir().expect("a folder");
    let folder = folder.path();
    arrays(folder);
    let floats =
        |values: &[f32]| -> Vec<u8> { values.iter().flat_map(|value| value.to_le_bytes()).collect() };
    write_npy(&folder.join("small.npy"), "(12, 3, 6, 6)", &[7; 12 * 108]);
    write_npy(&folder.join("large.npy"), "(1, 3, 260, 260)", &vec![7; 3 * 260 * 260]);
    write_npy(&folder.join("two.npy"), "(12, 2, 8, 8)", &[7; 12 * 128]);
    write_array(&folder.join("vectors.npy"), "<f4", "(12, 5)", &floats(&[0.5; 60]));
    let mut values = vec![0.5; COUNT * DIM];
    write_array(&folder.join("fine.npy"), "<f4", "(12, 3, 8, 8)", &floats(&values));
    values[3] = 1.2;
    write_array(&folder.join("outside.npy"), "<f4", "(12, 3, 8, 8)", &floats(&values));
    values[3] = -1.0;
    write_array(&folder.join("signed.npy"), "<f4", "(12, 3, 8, 8)", &floats(&values));
    values[3] = f32::NAN;
    write_array(&folder.join("nan.npy"), "<f4", "(12, 3, 8, 8)", &floats(&values));
    let make = |samples: &str, data: &str, more: &str| {
        let num = if more.contains("--num") { "" } else { "--num 12" };
        let output = if more.contains("-o ") { "" } else { "-o page.html" };
        let mut command =
            trainer(&format!("hype make --samples {samples} --data {data} {num} {output} {more}"));
        command.current_dir(folder);
        command
    };
    for (samples, data, more, expected) in [
        ("made.npy", "real.npy", "--num 13", "made.npy: 12 images, expected at least 13 (--num)"),
        ("made.npy", "real.npy", "--num 0", "num is 0, allowed: 1 to 1000"),
        ("made.npy", "real.npy", "--catch 1001", "catch is 1001, allowed: up to 1000"),
        ("made.npy", "real.npy", "--seed=-1", "invalid value '-1'"),
        ("made.npy", "real.npy", "-o page.pdf", "--output is page.pdf, allowed: FILE.html"),
        (
            "made.npy",
            "real.npy",
            "-o nodir/page.html",
            "--output needs the folder nodir, which does not exist",
        ),
        ("made.npy", "small.npy", "", "small.npy: items of 3 x 6 x 6, expected 3 x 8 x 8"),
        ("small.npy", "real.npy", "", "real.npy: items of 3 x 8 x 8, expected 3 x 6 x 6"),
        (
            "large.npy",
            "large.npy",
            "--num 1 --catch 1000",
            "1002 images of 3 x 260 x 260 are 203 MB of pixels, allowed: up to 200",
        ),
        ("vectors.npy", "real.npy", "", "vectors.npy: items of 5, expected images of 1 or 3 channels"),
        (
            "two.npy",
            "two.npy",
            "--layout chw",
            "two.npy: items of 2 x 8 x 8, expected images of 1 or 3 channels",
        ),
        ("made.npy", "vectors.npy", "", "vectors.npy: items of 5, expected"),
        ("nan.npy", "real.npy", "", "row 0 of nan.npy, entry 3, is NaN, not a finite number"),
        ("made.npy", "nan.npy", "", "row 0 of nan.npy, entry 3, is NaN, not a finite number"),
        (
            "signed.npy",
            "real.npy",
            "",
            "signed.npy: values outside [0, 1] by up to 1, expected pixels in [0, 1]",
        ),
        ("made.npy", "outside.npy", "", "outside.npy: values outside [0, 1] by up to 0.2"),
        ("nowhere.npy", "real.npy", "", "nowhere.npy"),
    ] {
        let line = failure(&mut make(samples, data, more));
        assert!(line.contains(expected), "{samples} {data} {more}: {line}");
    }
    assert!(!folder.join("page.html").exists() && !folder.join("page.key.json").exists());
    // Of a sampler's last noise a little is clamped, and said.
    let said = success(&mut make("outside.npy", "fine.npy", ""));
    let share = 100.0 / (COUNT * DIM) as f64;
    let note = format!(
        "note: {share:.2} % of the values of the generated images lay outside [0, 1], by up to 0.200"
    );
    assert!(said.contains(&note), "{said}");
    // The key of a page that people may be judging.
    let line = failure(&mut make("made.npy", "real.npy", ""));
    assert!(
        line.starts_with("error: page.key.json exists already, and answers to its page need it"),
        "{line}"
    );
}

#[test]
fn answers_that_are_none_are_refused() {
    let (folder, key) = made();
    let folder = folder.path();
    answer(folder, "good.json", &key, "Ana", "2026-11-30T10:00:00.000Z", [5, 1, 1]);
    let good = json_of(&folder.join("good.json"));
    let with = |place: &str, value: Value| {
        let mut changed = good.clone();
        *changed.pointer_mut(place).expect("a place") = value;
        changed.to_string()
    };
    let (second, image) = (&good["answers"][1], good["answers"][1]["image"].as_str().expect("a name"));
    let cases = [
        ("not JSON".to_owned(), "expected ident at line 1 column 2, expected answers, as the page"),
        ("{}".to_owned(), "no schema, expected ncsn.hype-answers/1"),
        ("[]".to_owned(), "no schema, expected ncsn.hype-answers/1"),
        (key.to_string(), "schema ncsn.hype-key/1, expected ncsn.hype-answers/1"),
        (with("/page", json!("other")), "answers to page other, expected page "),
        (with("/evaluator", json!("  ")), "no name of the evaluator, expected a name or code"),
        (with("/answers/0/image", json!("0123")), "an answer for image 0123, expected images of the key"),
        (with("/answers/0", second.clone()), &*format!("two answers for image {image}, expected one")),
        (with("/answers/0/answer", json!("fake")), "unknown variant `fake`, expected `real` or `generated`"),
        (with("/answers/0/ms", json!(-1)), "-1 ms for image"),
        (with("/answers/0/ms", Value::Null), "invalid type: null, expected f64"),
        (good.to_string().replacen("\"ms\":100", "\"ms\":NaN", 1), "expected value at line 1"),
        (good.to_string().replacen("\"ms\":100", "\"ms\":1e999", 1), "number out of range"),
        (with("/answers", json!([{"image": image}])), "missing field `answer`"),
        (
            with("/finished", Value::Null),
            "no end after 28 of 28 images, expected an end after the last image",
        ),
        (with("/answers", json!([second])), "2026-12-01T00:00:00.000Z after 1 of 28 images"),
        (good.to_string().replacen("\"page\"", "\"more\":1,\"page\"", 1), "unknown field `more`"),
    ];
    for (text, expected) in &cases {
        fs::write(folder.join("bad.json"), text).expect("writes");
        let line = failure(trainer("hype score --key page.key.json good.json bad.json").current_dir(folder));
        assert!(line.starts_with("error: bad.json: ") && line.contains(expected), "{line}, not {expected}");
    }
    let refused = |arguments: &str| failure(trainer(arguments).current_dir(folder));
    assert!(refused("hype score --key page.key.json nowhere.json").contains("nowhere.json: No such file"));
    assert!(refused("hype score --key page.key.json").contains("required"));
    assert!(
        refused("hype score --key good.json good.json")
            .contains("good.json: schema ncsn.hype-answers/1, expected ncsn.hype-key/1")
    );
    let mut unequal = key.clone();
    let images = unequal["images"].as_array_mut().expect("images");
    let real = images.iter().position(|image| image["truth"] == "real").expect("a real one");
    images.remove(real);
    fs::write(folder.join("unequal.json"), unequal.to_string()).expect("writes");
    let line = refused("hype score --key unequal.json good.json");
    assert!(line.contains("unequal.json: 9 real and 10 generated images, expected equally many"), "{line}");
    let mut double = key.clone();
    double["images"][1] = double["images"][0].clone();
    fs::write(folder.join("double.json"), double.to_string()).expect("writes");
    assert!(refused("hype score --key double.json good.json").contains("twice, expected every image once"));
}

/// By keys, mouse and touch, with a reload in the middle; see `browser/hype.py`. `NCSN_PICTURES` is a folder for pictures of
/// the screens.
#[test]
fn what_a_browser_saves_has_the_expected_score() {
    let (folder, key) = made();
    let folder = folder.path();
    // The answers of `answer`, so that the score is known: 30 % of the generated and 10 % of the real images, one of the noise.
    answer(folder, "plan-answers.json", &key, "Plan", "2026-11-30T10:00:00.000Z", [3, 1, 1]);
    let plan = json_of(&folder.join("plan-answers.json"));
    let plan: BTreeMap<&str, &str> = plan["answers"]
        .as_array()
        .expect("answers")
        .iter()
        .map(|answer| {
            (answer["image"].as_str().expect("a name"), answer["answer"].as_str().expect("an answer"))
        })
        .collect();
    fs::write(folder.join("plan.json"), json!(plan).to_string()).expect("writes");
    let pictures = pictures(folder);
    let arguments = [Path::new("page.html"), Path::new("plan.json"), &pictures];
    if !in_browser("hype.py", folder, &arguments, "the page of 'hype make'") {
        return;
    }
    fs::copy(pictures.join("answers.json"), folder.join("answers.json")).expect("the saved answers");
    let found = score(folder, "answers.json");
    let numbers = ["hype", "fakes_error", "reals_error", "counted"].map(|name| found[name].clone());
    assert_eq!(numbers, [json!(20.0), json!(30.0), json!(10.0), json!(1)], "{found}");
    let ana = &found["evaluators"][0];
    let [started, finished] = ["started", "finished"].map(|name| ana[name].as_str().expect("a time"));
    assert!(started < finished && finished.len() == 24 && finished.ends_with('Z'), "ISO 8601 in UTC: {ana}");
    assert_eq!(ana["evaluator"], "Ana");
    assert_eq!(ana["noise_taken_for_real"], 1);
}
