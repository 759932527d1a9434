use rand::{RngExt, distr::Distribution};
use rand_chacha::ChaCha8Rng;
use rand_distr::Zipf;
use tributary_ids::{AccountId, CustomerId};

use crate::LoadError;

/// How payments are spread over accounts.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Spread {
    Uniform,
    /// Zipf's law with this exponent: account n takes part n^-s as often as account 1. 0 is uniform; about 1 is what
    /// shops and wallets see; far above it, one account is in nearly every payment.
    Zipf(f64),
}

/// The accounts that take part.
#[derive(Clone, Debug)]
pub struct Population {
    name: String,
    accounts: u32,
    zipf: Option<Zipf<f64>>,
}

impl Population {
    /// That many accounts, the same for the same name.
    ///
    /// # Errors
    /// [`LoadError::Population`] for fewer than two accounts, or an exponent that is none.
    pub fn new(name: &str, accounts: u32, spread: Spread) -> Result<Self, LoadError> {
        if accounts < 2 {
            return Err(LoadError::Population);
        }
        let zipf = match spread {
            Spread::Uniform => None,
            Spread::Zipf(exponent) => {
                Some(Zipf::new(f64::from(accounts), exponent).map_err(|_| LoadError::Population)?)
            }
        };
        Ok(Self {
            name: name.to_owned(),
            accounts,
            zipf,
        })
    }

    pub fn accounts(&self) -> u32 {
        self.accounts
    }

    pub fn account(&self, number: u32) -> AccountId {
        AccountId::named(&format!("load/{}/{number}", self.name))
    }

    pub fn owner(&self, number: u32) -> CustomerId {
        CustomerId::named(&format!("load/{}/{number}", self.name))
    }

    /// Debtor and creditor of the next payment; never the same.
    pub(crate) fn pair(&self, random: &mut ChaCha8Rng) -> (u32, u32) {
        let debtor = self.draw(random);
        let creditor = self.draw(random);
        match debtor == creditor {
            false => (debtor, creditor),
            true => (debtor, (creditor + 1) % self.accounts),
        }
    }

    fn draw(&self, random: &mut ChaCha8Rng) -> u32 {
        match &self.zipf {
            None => random.random_range(0..self.accounts),
            // Ranks begin at 1.
            Some(zipf) => (zipf.sample(random) as u32)
                .saturating_sub(1)
                .min(self.accounts - 1),
        }
    }
}

#[cfg(test)]
mod tests {
    use rand::SeedableRng;

    use super::*;

    /// Payments of 10,000 in which the first account takes part.
    fn with_the_first(spread: Spread) -> usize {
        let population = Population::new("test", 100, spread).unwrap();
        let mut random = ChaCha8Rng::seed_from_u64(1);
        let pairs = (0..10_000).map(|_| population.pair(&mut random));
        pairs
            .inspect(|(debtor, creditor)| assert!(debtor != creditor && *debtor.max(creditor) < 100))
            .filter(|&(debtor, creditor)| debtor == 0 || creditor == 0)
            .count()
    }

    #[test]
    fn payments_are_spread_as_asked() {
        let uniform = with_the_first(Spread::Uniform);
        assert!((100..300).contains(&uniform), "{uniform}");
        // The harmonic number of 100 is 5.19: each side is the first account one time in 5.19.
        let zipf = with_the_first(Spread::Zipf(1.0));
        assert!((3_300..3_900).contains(&zipf), "{zipf}");
    }

    #[test]
    fn what_is_no_population_is_refused() {
        assert!(Population::new("test", 1, Spread::Uniform).is_err());
        assert!(Population::new("test", 10, Spread::Zipf(f64::NAN)).is_err());
        assert!(Population::new("test", 10, Spread::Zipf(-1.0)).is_err());
    }
}
