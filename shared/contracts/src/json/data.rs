use std::{fmt, marker::PhantomData};

use serde::{
    Deserialize, Deserializer,
    de::{DeserializeSeed, Error, SeqAccess, Visitor},
};

use crate::codec::{DecodeError, Typed};

/// What [`Data`] is called when it asks for itself; no other type has this name.
pub(super) const NAME: &str = "$tributary::Data";

/// The data of a message whose envelope could be read.
///
/// With the envelope it is read in one pass, by the one reader that knows the message's type: any other finds it
/// malformed.
#[derive(Debug)]
pub struct Data<'d, M> {
    pub message: Result<M, DecodeError>,
    /// As it stands in the record.
    pub text: &'d str,
}

impl<'d, M: Typed> Deserialize<'d> for Data<'d, M> {
    fn deserialize<D: Deserializer<'d>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_newtype_struct(NAME, Parts(PhantomData))
    }
}

/// Takes the type, the value of that type, and the value's text.
struct Parts<M>(PhantomData<M>);

impl<'d, M: Typed> Visitor<'d> for Parts<M> {
    type Value = Data<'d, M>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the data of a message whose type is known")
    }

    #[inline]
    fn visit_seq<A: SeqAccess<'d>>(self, mut parts: A) -> Result<Self::Value, A::Error> {
        let missing = || A::Error::custom("a part of a message's data is missing");
        let ce_type: &str = parts.next_element()?.ok_or_else(missing)?;
        let message = parts
            .next_element_seed(OfType::<M>(ce_type, PhantomData))?
            .ok_or_else(missing)?;
        let text = parts.next_element()?.ok_or_else(missing)?;
        Ok(Data {
            message: Ok(message),
            text,
        })
    }
}

struct OfType<'t, M>(&'t str, PhantomData<M>);

impl<'d, M: Typed> DeserializeSeed<'d> for OfType<'_, M> {
    type Value = M;

    fn deserialize<D: Deserializer<'d>>(self, data: D) -> Result<M, D::Error> {
        M::read(self.0, data)
    }
}
