//! State that a refused or failing record leaves untouched, and that a clean abort takes back.
//!
//! Changes are made in place, and the value that was there before goes into a journal, once per key and savepoint.
//! Reading costs one look-up, as if there were no overlay; a commit forgets the journal; undoing walks it backwards. What is
//! large and changes little can give the journal less than itself ([`OverlayMap::change`]).

mod map;
mod single;

pub use map::{OverlayMap, Revert};
pub use single::Overlay;

/// State with two levels of undo: to the savepoint (one record), and to the last commit (one transaction).
pub trait Layered {
    /// Sets the savepoint here.
    fn set_savepoint(&mut self);

    /// Takes back what was done since the savepoint.
    fn undo_to_savepoint(&mut self);

    /// Takes back what was done since the last commit.
    fn undo_all(&mut self);

    /// Makes everything since the last commit final.
    fn commit(&mut self);

    /// Whether a change has panicked half-way that only the changed value could have taken back ([`OverlayMap::change`]): undo
    /// does not bring back what was there, and the state must not be used any more.
    fn is_torn(&self) -> bool;
}

/// Implements [`Layered`] for a struct whose named fields are all that changes of it.
#[macro_export]
macro_rules! layered {
    ($name:ident { $($field:ident),+ $(,)? }) => {
        impl $crate::Layered for $name {
            fn set_savepoint(&mut self) {
                $($crate::Layered::set_savepoint(&mut self.$field);)+
            }

            fn undo_to_savepoint(&mut self) {
                $($crate::Layered::undo_to_savepoint(&mut self.$field);)+
            }

            fn undo_all(&mut self) {
                $($crate::Layered::undo_all(&mut self.$field);)+
            }

            fn commit(&mut self) {
                $($crate::Layered::commit(&mut self.$field);)+
            }

            fn is_torn(&self) -> bool {
                false $(|| $crate::Layered::is_torn(&self.$field))+
            }
        }
    };
}
