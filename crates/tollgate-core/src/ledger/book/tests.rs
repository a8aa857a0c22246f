//! The book against a naive model: a list of transfers, summed up anew for each question.

use proptest::prelude::*;

use super::*;
use crate::id::GrantId;
use crate::ledger::TransferKind;
use crate::money::Currency;
use crate::time::Timestamp;

fn accounts() -> Vec<LedgerAccount> {
    vec![
        LedgerAccount::Cash("simulator".into()),
        LedgerAccount::Grant(GrantId::from_bits(1)),
        LedgerAccount::Grant(GrantId::from_bits(2)),
        LedgerAccount::UsageRevenue,
        LedgerAccount::Breakage,
    ]
}

fn transfer(id: u128, debit: usize, credit: usize, amount: i64) -> Transfer {
    Transfer {
        id: TransferId::from_bits(id),
        kind: TransferKind::Usage,
        debit: accounts()[debit].clone(),
        credit: accounts()[credit].clone(),
        amount,
        unit: Unit::Currency(Currency::USD),
        at: Timestamp::from_unix_seconds(1),
        reference: "test".into(),
    }
}

/// The naive model: what `account` holds after `list`.
fn held(list: &[Transfer], account: &LedgerAccount) -> i128 {
    list.iter()
        .map(|t| {
            let debit = if t.debit == *account { i128::from(t.amount) } else { 0 };
            let credit = if t.credit == *account { i128::from(t.amount) } else { 0 };
            if account.side() == Side::Debit { debit - credit } else { credit - debit }
        })
        .sum()
}

#[test]
fn a_repeated_transfer_moves_nothing_and_a_changed_one_is_refused() {
    let mut book = Book::default();
    assert_eq!(book.apply(&transfer(1, 0, 1, 10)), Ok(Applied::Now));
    assert_eq!(book.apply(&transfer(1, 0, 1, 10)), Ok(Applied::Before));
    assert_eq!(book.apply(&transfer(1, 0, 1, 11)), Err(Rejected::IdTaken));
    assert_eq!(book.len(), 1);
}

#[test]
fn grants_cannot_be_overdrawn_by_a_single_nano() {
    let mut book = Book::default();
    book.apply(&transfer(1, 0, 1, 10)).unwrap();
    assert!(matches!(book.apply(&transfer(2, 1, 3, 11)), Err(Rejected::Overdrawn { available: 10, .. })));
    assert_eq!(book.apply(&transfer(3, 1, 3, 10)), Ok(Applied::Now));
}

#[test]
fn nothing_and_circles_are_refused() {
    let mut book = Book::default();
    assert_eq!(book.apply(&transfer(1, 0, 1, 0)), Err(Rejected::NotPositive));
    assert_eq!(book.apply(&transfer(1, 0, 1, -1)), Err(Rejected::NotPositive));
    assert_eq!(book.apply(&transfer(1, 1, 1, 1)), Err(Rejected::SameAccount));
}

proptest! {
    #[test]
    fn the_book_agrees_with_the_naive_model(steps in prop::collection::vec((0_u128..40, 0_usize..5, 0_usize..5, -2_i64..100), 1..200)) {
        let (mut book, mut list) = (Book::default(), Vec::<Transfer>::new());
        for (id, debit, credit, amount) in steps {
            let transfer = transfer(id, debit, credit, amount);
            let known = list.iter().find(|t| t.id == transfer.id);
            let overdraws = transfer.debit.is_bounded() && held(&list, &transfer.debit) < i128::from(amount);
            let valid = amount > 0 && debit != credit && known.is_none() && !overdraws;
            match book.apply(&transfer) {
                Ok(Applied::Now) => { prop_assert!(valid); list.push(transfer); }
                Ok(Applied::Before) => prop_assert_eq!(known, Some(&transfer)),
                Err(_) => prop_assert!(!valid),
            }
        }
        let unit = Unit::Currency(Currency::USD);
        for account in accounts() {
            prop_assert_eq!(book.balance(&account, &unit).on(account.side()), held(&list, &account));
            prop_assert!(!account.is_bounded() || held(&list, &account) >= 0);
        }
        let (debits, credits) = book.balances().fold((0, 0), |(d, c), (_, _, b)| (d + b.debits, c + b.credits));
        prop_assert_eq!(debits, credits);
    }
}
