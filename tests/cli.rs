//! Command lines as documents: each transcript is run and compared byte for byte.

#[test]
fn transcripts_are_what_the_program_prints() {
    trycmd::TestCases::new().case("README.md").case("tests/cli/*.trycmd");
}
