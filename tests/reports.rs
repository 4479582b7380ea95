//! Pages and pictures of `ncsn`: every figure is there, its numbers are those of the text, and nothing else is needed.

use std::fs;
use std::path::Path;

use clap::Parser;
use ncsn::cli::Cli;
use ncsn::commands::run;
use ncsn_shell::Outcome;

/// Runs a command line; its output, or the failure in words.
fn ncsn(arguments: &[&str]) -> Result<(String, Outcome), String> {
    let cli = Cli::try_parse_from(std::iter::once(&"ncsn").chain(arguments)).unwrap();
    let mut out = Vec::new();
    let outcome = run(cli.command, &mut out).map_err(|error| format!("{error:#}"))?;
    Ok((String::from_utf8(out).unwrap(), outcome))
}

fn text(path: &Path) -> &str {
    path.to_str().unwrap()
}

/// The page that a command writes, which may fetch and run nothing.
fn page(arguments: &[&str]) -> String {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("page.html");
    ncsn(&[arguments, &["--report", text(&path)]].concat()).unwrap();
    let page = fs::read_to_string(&path).unwrap();
    for foreign in ["src=\"http", "href=", "<script", "@import", "url("] {
        assert!(!page.contains(foreign), "{foreign}");
    }
    page
}

/// Points of a curve in a figure, as the page gives them to be copied.
fn points(page: &str, figure: usize, curve: &str) -> Vec<(f64, f64)> {
    let numbers = page.split("<summary>").nth(figure + 1).unwrap().split("</pre>").next().unwrap();
    let point = |line: &str| {
        let cells: Vec<&str> = line.split('\t').collect();
        let &[name, x, y] = &cells[..] else { panic!("{line}") };
        (name == curve).then(|| (x.parse().unwrap(), y.parse().unwrap()))
    };
    // The first line names the columns.
    numbers.lines().skip(1).filter_map(point).collect()
}

#[test]
fn a_schedule_s_page_has_every_number_of_the_text_and_its_curves() {
    let arguments = ["schedule", "--dataset", "ffhq"];
    let (printed, _) = ncsn(&arguments).unwrap();
    let page = page(&arguments);
    let numbers = printed.lines().take_while(|line| !line.starts_with("Published")).filter_map(|line| {
        let words: Vec<&str> = line.split_whitespace().collect();
        match words[..] {
            ["in", lo, hi] => Some(format!(">{lo} {hi}</td>")),
            [_, value, ..] if line.starts_with("  ") => Some(format!(">{value}</td>")),
            _ => None,
        }
    });
    let numbers: Vec<String> = numbers.collect();
    assert_eq!(numbers.len(), 17, "eleven numbers, six enclosures");
    numbers.iter().for_each(|number| assert!(page.contains(number), "{number}"));
    assert!(page.contains("misprint by a factor of ten"));
    // Techniques 2 and 4, the overlap as a curve, and the chain.
    assert_eq!(page.matches("<svg ").count(), 4);
    // The curve of the overlap meets the target at gamma_root: between the points on both sides of it.
    let curve = points(&page, 1, "normal law");
    let root = 1.004_807_157_861_262_3;
    let after = curve.iter().position(|point| point.0 > root).unwrap();
    assert!(curve[after - 1].1 > 0.5 && curve[after].1 < 0.5, "{:?}", &curve[after - 1..=after]);
    // One level's variance is least at Technique 4's epsilon, to the spacing of the points.
    let level = points(&page, 2, "T = 3");
    let least = level.iter().min_by(|a, b| a.1.total_cmp(&b.1)).unwrap();
    assert!((least.0 / 9.452_909_587e-7 - 1.0).abs() < 0.02, "{least:?}");
}

#[test]
fn the_page_of_a_folder_names_its_data_and_cannot_be_made_to_run_anything() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("<script>alert(1)<");
    fs::create_dir(&data).unwrap();
    for k in 0..3_u8 {
        image::RgbImage::from_fn(8, 8, |x, y| image::Rgb([k * 80, x as u8, y as u8]))
            .save(data.join(format!("{k}.png")))
            .unwrap();
    }
    let page = page(&["schedule", "--data", text(&data)]);
    assert!(page.contains("&lt;script&gt;alert(1)&lt;") && page.contains("3 items of"));
    assert!(!page.contains("As published"), "there is no row for it");
}

#[test]
fn the_page_of_the_propositions_shows_each_beside_a_simulation() {
    let page = page(&["validate", "--samples", "20000", "--seed", "3"]);
    // Bound (5), two histograms, C(γ), the distance of the laws, two variances.
    assert_eq!((page.matches("<svg ").count(), page.matches("<img ").count()), (7, 0));
    assert_eq!(page.matches(">holds</td>").count(), 40);
    for row in ["NCSNv2 CIFAR-10", "NCSNv2 FFHQ", "misprint by a factor of ten"] {
        assert!(page.contains(row), "{row}");
    }
    let (bound, exact) = (points(&page, 0, "bound (5)"), points(&page, 0, "exact"));
    assert_eq!((bound.len(), bound[0], bound[200].0), (201, (0.0, 0.5), 12.0));
    // exp(−12²/8)/2; and the two meet at distance 0 alone.
    assert!((bound[200].1 / (0.5 * (-18.0_f64).exp()) - 1.0).abs() < 1e-12);
    assert!(exact.iter().zip(&bound).skip(1).all(|(exact, bound)| exact.1 < bound.1));
    let simulated = points(&page, 0, "simulated");
    // A quantity in [0, ½] of the bound's size, 20,000 draws: its mean is within 5 of its standard errors, 0.5/√20000 at most.
    let near = simulated.iter().map(|&(d, found)| {
        let (_, exact) = exact[(d / 0.06).round() as usize];
        (found - exact).abs() / (0.5 * (-d * d / 8.0).exp())
    });
    let near: Vec<f64> = near.collect();
    assert!(near.len() == 12 && near.iter().all(|&error| error < 5.0 / 20_000_f64.sqrt()), "{near:?}");
    // The bars of a histogram fill an area of nearly 1.
    let bars = points(&page, 1, "");
    let area: f64 = bars.windows(2).map(|pair| (pair[1].0 - pair[0].0) * pair[0].1).sum();
    assert!((0.999..1.001).contains(&area), "{area}");
}

#[test]
fn the_posters_experiment_is_shown_in_two_sheets() {
    let folder = tempfile::tempdir().unwrap();
    for k in 0..6_u8 {
        image::GrayImage::from_fn(8, 8, |x, y| image::Luma([k * 40 + (x * y) as u8]))
            .save(folder.path().join(format!("{k}.png")))
            .unwrap();
    }
    let arguments = ["validate", "--samples", "1000", "--data", text(folder.path()), "--centres", "6"];
    let page = page(&arguments);
    assert_eq!(page.matches("<img alt=\"Sheet of samples with σ₁ = ").count(), 2);
}

#[test]
fn a_page_that_cannot_be_is_refused_before_any_work() {
    let folder = tempfile::tempdir().unwrap();
    let (html, pdf) = (folder.path().join("a.html"), folder.path().join("a.pdf"));
    let refused = |arguments: &[&str]| ncsn(arguments).unwrap_err();
    let schedule = ["schedule", "--dataset", "mnist", "--report"];
    assert!(refused(&[&schedule[..], &[text(&pdf)]].concat()).ends_with("a.pdf, allowed: FILE.html"));
    assert!(refused(&["validate", "--report", text(&pdf)]).ends_with("a.pdf, allowed: FILE.html"));
    let twice = [&schedule[..], &[text(&html), "-o", text(&html)]].concat();
    assert!(refused(&twice).ends_with("which --output is too"));
    let nowhere = folder.path().join("none/a.html");
    assert!(refused(&[&schedule[..], &[text(&nowhere)]].concat()).contains("does not exist"));
    ncsn(&[&schedule[..], &[text(&html), "--dry-run"]].concat()).unwrap();
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0, "nothing was written");
}

#[test]
fn a_picture_is_what_its_suffix_says() {
    let folder = tempfile::tempdir().unwrap();
    let (svg, png) = (folder.path().join("a.svg"), folder.path().join("a.png"));
    ncsn(&["schedule", "--dataset", "church", "--plot", text(&svg)]).unwrap();
    assert!(fs::read_to_string(&svg).unwrap().starts_with("<svg "));
    match ncsn(&["schedule", "--dataset", "church", "--plot", text(&png)]) {
        Ok(_) => assert_eq!(image::image_dimensions(&png).unwrap(), (2880, 800)),
        Err(message) if cfg!(feature = "png") => {
            assert!(message.contains("no font"), "{message}");
            eprintln!("NOT CHECKED: this machine has no fonts");
        }
        Err(message) => {
            assert!(message.ends_with("a.png, allowed: FILE.svg"), "{message}");
            eprintln!("NOT CHECKED: --plot FILE.png, which 'make png' builds and checks");
        }
    }
}
