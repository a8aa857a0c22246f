//! Help texts and mistakes, as they are printed.

#[test]
fn what_is_printed_is_what_is_written_down() {
    trycmd::TestCases::new().case("tests/cmd/*.trycmd");
}
