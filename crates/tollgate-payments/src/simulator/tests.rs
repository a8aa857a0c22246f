use tollgate_core::id::SeededIds;
use tollgate_core::money::{Currency, Money, Nanos};
use tollgate_core::time::ManualClock;

use super::*;

fn simulator() -> Simulator {
    let clock = Arc::new(ManualClock::at("2026-11-21T09:30:00Z".parse().unwrap()));
    Simulator::new(clock, Arc::new(SeededIds::new(1)))
}

fn card(number: &str) -> Instrument {
    Instrument::TestCard(Card::parse(number, "12/30").unwrap())
}

fn order(from: Instrument, amount: &str, key: &str) -> Order {
    let money = Money::new(amount.parse().unwrap(), Currency::USD);
    Order { from, money, purpose: "Top-up".to_owned(), idempotency_key: key.to_owned() }
}

/// `ok`, or the decline code.
async fn charged(simulator: &Simulator, order: &Order) -> String {
    match simulator.charge(order).await {
        Reply::Done(charged) => {
            assert!(charged.reference.starts_with("sim_ch_"));
            "ok".to_owned()
        }
        Reply::Declined(decline) => decline.code,
        Reply::Unknown => "unknown".to_owned(),
    }
}

#[tokio::test]
async fn every_test_card_does_what_it_says() {
    let simulator = simulator();
    for (index, test) in TEST_CARDS.iter().enumerate() {
        let now = charged(&simulator, &order(card(test.number), "5.00", &format!("now {index}"))).await;
        assert_eq!(now, test.now.or(test.later).unwrap_or("ok"), "{}", test.number);
        match simulator.save_method(&card(test.number)).await {
            Reply::Done(method) => {
                let later = order(Instrument::OnFile(method.reference), "5.00", &format!("later {index}"));
                assert_eq!(charged(&simulator, &later).await, test.later.unwrap_or("ok"), "{}", test.number);
            }
            Reply::Declined(decline) => assert_eq!(Some(decline.code.as_str()), test.now, "{}", test.number),
            Reply::Unknown => panic!("a simulator knows"),
        }
    }
}

#[tokio::test]
async fn what_is_kept_of_a_card_does_not_tell_its_number() {
    let simulator = simulator();
    let Reply::Done(method) = simulator.save_method(&card("4242424242424242")).await else { panic!("it pays") };
    assert!(method.reference.starts_with("sim_pm_ok_") && !method.reference.contains("4242"), "{method:?}");
    let shown = (method.brand.as_str(), method.last4.as_str(), method.expires);
    assert_eq!(shown, ("visa", "4242", Some((2030, 12))));
}

#[tokio::test]
async fn a_key_names_one_payment() {
    let simulator = simulator();
    let first = simulator.charge(&order(card("4242424242424242"), "5.00", "k")).await;
    assert_eq!(first, simulator.charge(&order(card("4242424242424242"), "5.00", "k")).await);
    assert_eq!(charged(&simulator, &order(card("4242424242424242"), "6.00", "k")).await, "idempotency_key_reused");
    assert_ne!(first, simulator.charge(&order(card("4242424242424242"), "5.00", "other")).await);
    // A restart forgets the keys, and the same key is the same payment still.
    assert_eq!(first, self::simulator().charge(&order(card("4242424242424242"), "5.00", "k")).await);
}

#[tokio::test]
async fn real_cards_bad_amounts_and_foreign_references_are_declined() {
    let simulator = simulator();
    // A number that checks and is no test card could be somebody's.
    assert_eq!(charged(&simulator, &order(card("4111111111111111"), "5.00", "a")).await, "live_card");
    assert_eq!(charged(&simulator, &order(card("4111111111111112"), "5.00", "b")).await, "incorrect_number");
    for (key, amount) in [("c", "0"), ("d", "-5.00"), ("e", "0.001")] {
        assert_eq!(charged(&simulator, &order(card("4242424242424242"), amount, key)).await, "amount_not_payable");
    }
    let elsewhere = Instrument::OnFile("pm_1".to_owned());
    assert_eq!(charged(&simulator, &order(elsewhere, "5.00", "f")).await, "unknown_method");
    let expired = Instrument::TestCard(Card::parse("4242424242424242", "10/26").unwrap());
    assert_eq!(charged(&simulator, &order(expired, "5.00", "g")).await, "expired_card");
}

#[tokio::test]
async fn an_authorization_takes_nothing_and_can_be_let_go() {
    let simulator = simulator();
    let order = order(card("4242424242424242"), "500.00", "k");
    let Reply::Done(authorized) = simulator.authorize(&order).await else { panic!("it is authorized") };
    assert_eq!(simulator.release(&authorized.reference).await, Reply::Done(()));
    let broke = super::tests::order(card("4000000000009995"), "500.00", "l");
    assert!(matches!(simulator.authorize(&broke).await, Reply::Declined(d) if d.code == "insufficient_funds"));
    assert_eq!(broke.money.amount, Nanos::units(500));
}
