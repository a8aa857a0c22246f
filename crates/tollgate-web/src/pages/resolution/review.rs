//! Lifting a review: by the customer, where the operator lets them, or by the operator.

use crate::pages::done::Done;
use crate::pages::form::Token;
use crate::pages::sheet::Sheet;
use crate::pages::stop::Stop;
use crate::pages::visit::Visit;
use crate::settings::Review;

const BY_OPERATOR: &str =
    "A person at the operator looks at it and lifts the review. Please contact support and name the case.";

pub(super) fn sheet(visit: &Visit) -> Result<Sheet, Stop> {
    let Some(review) = &visit.customer.frozen else {
        let text = "The account is not under review any more. Send your request again.";
        return Ok(Sheet::notice("Not under review", vec![text.to_owned()]));
    };
    let case = format!("Unusual activity was noticed. The case is {}.", review.case);
    Ok(match visit.web.settings().review {
        Review::Operator => Sheet::notice("Under review", vec![case, BY_OPERATOR.to_owned()]),
        Review::Customer => Sheet {
            button: Some("Yes, this was us".to_owned()),
            ..Sheet::notice(
                "Confirm the activity",
                vec![
                    case,
                    "If these requests were yours, confirm it and go on. If they were not, revoke the key and contact support."
                        .to_owned(),
                ],
            )
        },
    })
}

pub(super) async fn act(visit: &Visit, token: &Token) -> Result<Done, Stop> {
    if visit.web.settings().review == Review::Operator {
        return Err(Stop::Impossible(BY_OPERATOR.to_owned()));
    }
    visit.must_be_unrestricted()?;
    if visit.customer.frozen.is_none() {
        return Err(Stop::Impossible("The account is not under review.".to_owned()));
    }
    let mut change = visit.change().await?;
    change.freeze_customer(visit.id(), None).await?;
    Done::new("Thank you", vec!["The review is over.".to_owned()]).commit(change, token).await
}
