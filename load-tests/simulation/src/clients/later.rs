//! What clients want of later days: scheduled payments and standing orders.

use tributary_contracts::{
    envelope::BusinessDate,
    payments::{
        AmendStandingOrder, CancelPayment, CancelStandingOrder, CreateStandingOrder, Frequency,
        PaymentsCommand, SchedulePayment, Until,
    },
};
use tributary_ids::{AccountId, CustomerId, PaymentId, StandingOrderId};
use tributary_money::Currency;

use super::{
    Clients,
    customers::{customer, customer_in_euro},
    payments::{Known, name},
};
use crate::{
    story::short,
    wish::{Lasts, Later, Terms},
};

/// Of so many of the latest scheduled payments, or orders, a wish is about one.
const RECENT: usize = 4;

/// A standing order that clients know of.
pub(super) struct KnownOrder {
    id: StandingOrderId,
    currency: Currency,
    /// It had no end at some time, so that its client must cancel it.
    endless: bool,
}

/// Who, whom, in what.
struct Sides {
    from: &'static str,
    to: &'static str,
    currency: Currency,
}

impl Clients {
    /// The command of a wish; none where there is nothing yet that it could be about.
    pub(super) fn later(&mut self, number: u32, wish: &Later) -> Option<(PaymentsCommand, String)> {
        Some(match wish {
            Later::Schedule { terms } => self.schedule(number, terms),
            Later::CancelPayment { which } => {
                let payment_id = *recent(&self.scheduled, *which)?;
                let text = format!("scheduled payment {} is taken back", name(payment_id));
                (CancelPayment { payment_id }.into(), text)
            }
            Later::Order {
                terms,
                day_of_month,
                lasts,
            } => self.order(number, terms, *day_of_month, *lasts),
            Later::Amend { which, amount, lasts } => self.amend(*which, *amount, *lasts)?,
            Later::CancelOrder { which } => cancel(recent(&self.orders, *which)?.id),
        })
    }

    fn sides(&self, terms: &Terms) -> Sides {
        match terms.euro {
            true => Sides {
                from: customer_in_euro(terms.debtor),
                to: customer_in_euro(terms.creditor),
                currency: self.euro,
            },
            false => Sides {
                from: customer(terms.debtor),
                to: customer(terms.creditor),
                currency: self.koruna,
            },
        }
    }

    fn schedule(&mut self, number: u32, terms: &Terms) -> (PaymentsCommand, String) {
        let Sides { from, to, currency } = self.sides(terms);
        let payment_id = PaymentId::named(&format!("step/{number}"));
        let execution_date = self.day(currency, terms.days);
        let command: PaymentsCommand = SchedulePayment {
            payment_id,
            customer: CustomerId::named(from),
            debtor: AccountId::named(from),
            creditor: AccountId::named(to),
            amount: terms.amount.into(),
            currency,
            execution_date,
            convention: terms.convention,
            remittance: None,
            details: Default::default(),
        }
        .into();
        self.scheduled.push(payment_id);
        self.payments.push(Known {
            id: payment_id,
            command: command.clone(),
            amount: terms.amount,
            currency,
        });
        let text = format!("{from} pays {to} {} {currency} on {execution_date}", terms.amount);
        (command, text)
    }

    fn order(
        &mut self,
        number: u32,
        terms: &Terms,
        day_of_month: Option<u8>,
        lasts: Lasts,
    ) -> (PaymentsCommand, String) {
        let Sides { from, to, currency } = self.sides(terms);
        let order_id = StandingOrderId::named(&format!("step/{number}"));
        let (start_date, until) = (self.day(currency, terms.days), self.until(currency, lasts));
        let frequency = day_of_month.map_or(Frequency::Weekly, |day| Frequency::Monthly { day });
        let command: PaymentsCommand = CreateStandingOrder {
            order_id,
            customer: CustomerId::named(from),
            debtor: AccountId::named(from),
            creditor: AccountId::named(to),
            amount: terms.amount.into(),
            currency,
            frequency,
            start_date,
            until,
            convention: terms.convention,
            remittance: None,
            details: Default::default(),
        }
        .into();
        self.orders.push(KnownOrder {
            id: order_id,
            currency,
            endless: lasts == Lasts::ForEver,
        });
        // Its first payment is one like any other.
        self.payments.push(Known {
            id: order_id.payment(1),
            command: command.clone(),
            amount: terms.amount,
            currency,
        });
        let text = format!(
            "{from} orders {} {currency} for {to}, {frequency:?}, from {start_date}, until {until:?}",
            terms.amount
        );
        (command, text)
    }

    fn amend(
        &mut self,
        which: u32,
        amount: Option<&'static str>,
        lasts: Option<Lasts>,
    ) -> Option<(PaymentsCommand, String)> {
        let &KnownOrder { id, currency, .. } = recent(&self.orders, which)?;
        let until = lasts.map(|lasts| self.until(currency, lasts));
        if lasts == Some(Lasts::ForEver) {
            let order = self.orders.iter_mut().find(|order| order.id == id)?;
            order.endless = true;
        }
        let command = AmendStandingOrder {
            order_id: id,
            amount: amount.map(Into::into),
            until,
        };
        let text = format!(
            "order {} changes: amount {amount:?}, until {until:?}",
            short(id.to_string().as_bytes())
        );
        Some((command.into(), text))
    }

    /// Orders that their clients have to cancel, or they never end.
    pub(super) fn endless(&self) -> Vec<StandingOrderId> {
        let endless = self.orders.iter().filter(|order| order.endless);
        endless.map(|order| order.id).collect()
    }

    fn until(&self, currency: Currency, lasts: Lasts) -> Until {
        match lasts {
            Lasts::Times(times) => Until::Times(times),
            Lasts::Days(days) => Until::Date(self.day(currency, days)),
            Lasts::ForEver => Until::Cancelled,
        }
    }

    /// So many days from the currency's today.
    fn day(&self, currency: Currency, days: i64) -> BusinessDate {
        self.today(currency) + chrono::TimeDelta::days(days)
    }
}

pub(super) fn cancel(order_id: StandingOrderId) -> (PaymentsCommand, String) {
    let text = format!("order {} is cancelled", short(order_id.to_string().as_bytes()));
    (CancelStandingOrder { order_id }.into(), text)
}

fn recent<T>(known: &[T], which: u32) -> Option<&T> {
    let back = (which as usize).checked_rem(known.len().min(RECENT))?;
    known.iter().rev().nth(back)
}
