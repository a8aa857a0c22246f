//! What `tollgate demo` prints.

use super::Facts;

/// The tour, for a terminal.
#[must_use]
pub fn tour(facts: &Facts) -> String {
    let Facts { gateway, control, admin_token, data, scenarios } = facts;
    let mut text = format!(
        "Tollgate runs, in front of sandbox upstreams, with simulated payments.

  gateway        {gateway}
  control plane  {control}
  admin token    {admin_token}
  data           {}

What is paid for is served:
",
        data.display()
    );
    let served = scenarios.iter().filter(|scenario| scenario.reason == "ok").count();
    for (index, scenario) in scenarios.iter().enumerate() {
        if index == served {
            text.push_str("\nAnd one for every reason why it may not be:\n");
        }
        match scenario.reason {
            "ok" => text.push_str(&format!("\n{}\n", scenario.story)),
            reason => text.push_str(&format!("\n{} {reason}: {}\n", scenario.status, scenario.story)),
        }
        let line = scenario.curl(gateway);
        if line.len() > LINE_MAX {
            text.push_str("  (long; see `tollgate demo --json`)\n");
        } else {
            text.push_str(&format!("  {line}\n"));
        }
    }
    text.push_str(&format!("\nThe playground: {control}/playground\nCtrl-C ends the demo.\n"));
    text
}

/// Longer lines are no use in a terminal.
const LINE_MAX: usize = 400;
