use serde::{
    Deserializer,
    de::{
        DeserializeSeed, EnumAccess, IntoDeserializer, MapAccess, SeqAccess, VariantAccess, Visitor,
        value::BorrowedStrDeserializer,
    },
};

use super::{GiveUp, data};

/// Values within values that are read; serde_json reads 128.
const DEPTH_MAX: u8 = 100;

/// Digits of a number that 64 bits hold whatever they are.
const DIGITS_MAX: usize = 18;

/// Reads JSON as messages are usually written: text without escapes, integers.
///
/// It calls the visitors as serde_json does, and gives up at all else: at what is unusual (an escape, a fraction, a deep
/// value, bytes that are no UTF-8) as well as at what is wrong.
pub(super) struct Reader<'d> {
    text: &'d str,
    at: usize,
    /// How many values may still begin inside one another.
    depth: u8,
    /// The CloudEvents type of the message, for whoever reads its data.
    ce_type: &'d str,
}

impl<'d> Reader<'d> {
    pub(super) fn new(json: &'d [u8], ce_type: &'d str) -> Result<Self, GiveUp> {
        Ok(Self {
            text: std::str::from_utf8(json).map_err(|_| GiveUp)?,
            at: 0,
            depth: DEPTH_MAX,
            ce_type,
        })
    }

    /// That nothing but white space is left.
    pub(super) fn end(mut self) -> Result<(), GiveUp> {
        match self.peek() {
            Err(GiveUp) => Ok(()),
            Ok(_) => Err(GiveUp),
        }
    }

    fn rest(&self) -> &'d [u8] {
        self.text.as_bytes().get(self.at..).unwrap_or_default()
    }

    /// The next byte that is no white space, where the reader now stands. An error at the end.
    fn peek(&mut self) -> Result<u8, GiveUp> {
        loop {
            match self.text.as_bytes().get(self.at) {
                Some(b' ' | b'\n' | b'\r' | b'\t') => self.at += 1,
                Some(byte) => return Ok(*byte),
                None => return Err(GiveUp),
            }
        }
    }

    fn expect(&mut self, wanted: u8) -> Result<(), GiveUp> {
        if self.peek()? != wanted {
            return Err(GiveUp);
        }
        self.at += 1;
        Ok(())
    }

    fn word(&mut self, word: &str) -> Result<(), GiveUp> {
        if !self.rest().starts_with(word.as_bytes()) {
            return Err(GiveUp);
        }
        self.at += word.len();
        Ok(())
    }

    fn string(&mut self) -> Result<&'d str, GiveUp> {
        self.expect(b'"')?;
        let length = plain_text(self.rest());
        let text = self.text.get(self.at..self.at + length).ok_or(GiveUp)?;
        self.at += length;
        // An escape or a control character ends plain text as well.
        if self.text.as_bytes().get(self.at) != Some(&b'"') {
            return Err(GiveUp);
        }
        self.at += 1;
        Ok(text)
    }

    fn number<V: Visitor<'d>>(&mut self, visitor: V) -> Result<V::Value, GiveUp> {
        let negative = self.peek()? == b'-';
        self.at += usize::from(negative);
        let digits = self.rest();
        let mut number = 0_u64;
        let mut length = 0;
        while let Some(digit @ b'0'..=b'9') = digits.get(length) {
            if length == DIGITS_MAX {
                return Err(GiveUp);
            }
            number = number * 10 + u64::from(digit - b'0');
            length += 1;
        }
        let leading_zero = length > 1 && digits.first() == Some(&b'0');
        let fraction = matches!(digits.get(length), Some(b'.' | b'e' | b'E'));
        // Minus zero is a float to serde_json.
        if length == 0 || leading_zero || fraction || (negative && number == 0) {
            return Err(GiveUp);
        }
        self.at += length;
        match negative {
            true => visitor.visit_i64(-(number as i64)),
            false => visitor.visit_u64(number),
        }
    }

    /// What stands between brackets of any kind.
    fn within<T>(
        &mut self,
        open: u8,
        close: u8,
        read: impl FnOnce(&mut Self) -> Result<T, GiveUp>,
    ) -> Result<T, GiveUp> {
        self.expect(open)?;
        self.depth = self.depth.checked_sub(1).ok_or(GiveUp)?;
        // Handed on as it is: a message is large, and unwrapping it costs a copy.
        let value = read(self);
        if value.is_ok() {
            self.expect(close)?;
            self.depth += 1;
        }
        value
    }
}

/// Bytes of the text up to the first quotation mark, backslash or control character.
pub(super) fn plain_text(text: &[u8]) -> usize {
    const ONES: u64 = u64::from_ne_bytes([1; 8]);
    const HIGH: u64 = ONES << 7;
    // The high bit of each byte below `limit`, which is at most 128, and maybe of bytes after it in the text.
    let below = |bytes: u64, limit: u64| bytes.wrapping_sub(ONES * limit) & !bytes & HIGH;
    let (words, rest) = text.as_chunks::<8>();
    for (index, word) in words.iter().enumerate() {
        let bytes = u64::from_le_bytes(*word);
        let quote = below(bytes ^ (ONES * u64::from(b'"')), 1);
        let escape = below(bytes ^ (ONES * u64::from(b'\\')), 1);
        let found = quote | escape | below(bytes, 0x20);
        if found != 0 {
            return index * 8 + found.trailing_zeros() as usize / 8;
        }
    }
    let plain = |byte: &u8| *byte != b'"' && *byte != b'\\' && *byte >= 0x20;
    let length = rest.iter().take_while(|byte| plain(byte)).count();
    words.len() * 8 + length
}

macro_rules! unread {
    ($($method:ident)*) => {
        $(fn $method<V: Visitor<'d>>(self, _: V) -> Result<V::Value, GiveUp> {
            Err(GiveUp)
        })*
    };
}

impl<'d> Deserializer<'d> for &mut Reader<'d> {
    type Error = GiveUp;

    fn deserialize_any<V: Visitor<'d>>(self, visitor: V) -> Result<V::Value, GiveUp> {
        match self.peek()? {
            b'"' => self.deserialize_str(visitor),
            b'{' => self.deserialize_map(visitor),
            b'[' => self.deserialize_seq(visitor),
            b't' | b'f' => self.deserialize_bool(visitor),
            b'n' => {
                self.word("null")?;
                visitor.visit_unit()
            }
            _ => self.number(visitor),
        }
    }

    fn deserialize_bool<V: Visitor<'d>>(self, visitor: V) -> Result<V::Value, GiveUp> {
        match self.peek()? {
            b't' => self.word("true").and_then(|()| visitor.visit_bool(true)),
            _ => self.word("false").and_then(|()| visitor.visit_bool(false)),
        }
    }

    fn deserialize_i32<V: Visitor<'d>>(self, visitor: V) -> Result<V::Value, GiveUp> {
        self.number(visitor)
    }

    fn deserialize_i64<V: Visitor<'d>>(self, visitor: V) -> Result<V::Value, GiveUp> {
        self.number(visitor)
    }

    fn deserialize_u32<V: Visitor<'d>>(self, visitor: V) -> Result<V::Value, GiveUp> {
        self.number(visitor)
    }

    fn deserialize_u64<V: Visitor<'d>>(self, visitor: V) -> Result<V::Value, GiveUp> {
        self.number(visitor)
    }

    fn deserialize_str<V: Visitor<'d>>(self, visitor: V) -> Result<V::Value, GiveUp> {
        visitor.visit_borrowed_str(self.string()?)
    }

    fn deserialize_string<V: Visitor<'d>>(self, visitor: V) -> Result<V::Value, GiveUp> {
        self.deserialize_str(visitor)
    }

    fn deserialize_option<V: Visitor<'d>>(self, visitor: V) -> Result<V::Value, GiveUp> {
        match self.peek()? {
            b'n' => self.word("null").and_then(|()| visitor.visit_none()),
            _ => visitor.visit_some(self),
        }
    }

    fn deserialize_newtype_struct<V: Visitor<'d>>(
        self,
        name: &'static str,
        visitor: V,
    ) -> Result<V::Value, GiveUp> {
        match name == data::NAME {
            true => visitor.visit_seq(DataParts::Type(self)),
            false => visitor.visit_newtype_struct(self),
        }
    }

    fn deserialize_seq<V: Visitor<'d>>(self, visitor: V) -> Result<V::Value, GiveUp> {
        self.within(b'[', b']', |reader| visitor.visit_seq(Items::of(reader)))
    }

    fn deserialize_map<V: Visitor<'d>>(self, visitor: V) -> Result<V::Value, GiveUp> {
        self.within(b'{', b'}', |reader| visitor.visit_map(Items::of(reader)))
    }

    fn deserialize_struct<V: Visitor<'d>>(
        self,
        _name: &'static str,
        _fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, GiveUp> {
        self.deserialize_map(visitor)
    }

    fn deserialize_enum<V: Visitor<'d>>(
        self,
        _name: &'static str,
        _variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, GiveUp> {
        match self.peek()? {
            b'"' => visitor.visit_enum(self.string()?.into_deserializer()),
            _ => self.within(b'{', b'}', |reader| visitor.visit_enum(Variant(reader))),
        }
    }

    fn deserialize_ignored_any<V: Visitor<'d>>(self, visitor: V) -> Result<V::Value, GiveUp> {
        self.deserialize_any(visitor)
    }

    // Of these no message is made. To serde_json each of them is something of its own, so it reads them.
    unread! {
        deserialize_i8 deserialize_i16 deserialize_i128 deserialize_u8 deserialize_u16 deserialize_u128 deserialize_f32
        deserialize_f64 deserialize_char deserialize_bytes deserialize_byte_buf deserialize_unit
    }

    fn deserialize_unit_struct<V: Visitor<'d>>(self, _: &'static str, _: V) -> Result<V::Value, GiveUp> {
        Err(GiveUp)
    }

    fn deserialize_tuple<V: Visitor<'d>>(self, _: usize, visitor: V) -> Result<V::Value, GiveUp> {
        self.deserialize_seq(visitor)
    }

    fn deserialize_tuple_struct<V: Visitor<'d>>(
        self,
        _: &'static str,
        _: usize,
        visitor: V,
    ) -> Result<V::Value, GiveUp> {
        self.deserialize_seq(visitor)
    }

    fn deserialize_identifier<V: Visitor<'d>>(self, visitor: V) -> Result<V::Value, GiveUp> {
        self.deserialize_str(visitor)
    }
}

/// What an array or an object holds.
struct Items<'r, 'd> {
    reader: &'r mut Reader<'d>,
    any: bool,
}

impl<'r, 'd> Items<'r, 'd> {
    fn of(reader: &'r mut Reader<'d>) -> Self {
        Self { reader, any: false }
    }

    /// Whether another one follows, which the reader then stands before.
    fn more(&mut self, close: u8) -> Result<bool, GiveUp> {
        if self.reader.peek()? == close {
            return Ok(false);
        }
        if self.any {
            self.reader.expect(b',')?;
        }
        self.any = true;
        Ok(true)
    }
}

impl<'d> SeqAccess<'d> for Items<'_, 'd> {
    type Error = GiveUp;

    fn next_element_seed<T: DeserializeSeed<'d>>(&mut self, seed: T) -> Result<Option<T::Value>, GiveUp> {
        match self.more(b']')? {
            true => seed.deserialize(&mut *self.reader).map(Some),
            false => Ok(None),
        }
    }
}

impl<'d> MapAccess<'d> for Items<'_, 'd> {
    type Error = GiveUp;

    fn next_key_seed<K: DeserializeSeed<'d>>(&mut self, seed: K) -> Result<Option<K::Value>, GiveUp> {
        if !self.more(b'}')? {
            return Ok(None);
        }
        let key = self.reader.string()?;
        seed.deserialize(BorrowedStrDeserializer::new(key)).map(Some)
    }

    fn next_value_seed<V: DeserializeSeed<'d>>(&mut self, seed: V) -> Result<V::Value, GiveUp> {
        self.reader.expect(b':')?;
        seed.deserialize(&mut *self.reader)
    }
}

/// A variant that holds something: `{"name": value}`.
struct Variant<'r, 'd>(&'r mut Reader<'d>);

impl<'d> EnumAccess<'d> for Variant<'_, 'd> {
    type Error = GiveUp;
    type Variant = Self;

    fn variant_seed<V: DeserializeSeed<'d>>(self, seed: V) -> Result<(V::Value, Self), GiveUp> {
        let name = self.0.string()?;
        let variant = seed.deserialize(BorrowedStrDeserializer::<GiveUp>::new(name))?;
        self.0.expect(b':')?;
        Ok((variant, self))
    }
}

impl<'d> VariantAccess<'d> for Variant<'_, 'd> {
    type Error = GiveUp;

    fn unit_variant(self) -> Result<(), GiveUp> {
        Err(GiveUp)
    }

    fn newtype_variant_seed<T: DeserializeSeed<'d>>(self, seed: T) -> Result<T::Value, GiveUp> {
        seed.deserialize(self.0)
    }

    fn tuple_variant<V: Visitor<'d>>(self, _: usize, visitor: V) -> Result<V::Value, GiveUp> {
        self.0.deserialize_seq(visitor)
    }

    fn struct_variant<V: Visitor<'d>>(
        self,
        _: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, GiveUp> {
        self.0.deserialize_map(visitor)
    }
}

/// A message's data as [`data::Data`] asks for it: its type, its value, and the value's text.
enum DataParts<'r, 'd> {
    Type(&'r mut Reader<'d>),
    Value(&'r mut Reader<'d>),
    Text(&'d str),
    Over,
}

impl<'d> SeqAccess<'d> for DataParts<'_, 'd> {
    type Error = GiveUp;

    fn next_element_seed<T: DeserializeSeed<'d>>(&mut self, seed: T) -> Result<Option<T::Value>, GiveUp> {
        match std::mem::replace(self, Self::Over) {
            Self::Type(reader) => {
                let ce_type = reader.ce_type;
                *self = Self::Value(reader);
                seed.deserialize(BorrowedStrDeserializer::new(ce_type)).map(Some)
            }
            Self::Value(reader) => {
                reader.peek()?;
                let start = reader.at;
                let value = seed.deserialize(&mut *reader)?;
                *self = Self::Text(reader.text.get(start..reader.at).ok_or(GiveUp)?);
                Ok(Some(value))
            }
            Self::Text(text) => seed.deserialize(BorrowedStrDeserializer::new(text)).map(Some),
            Self::Over => Ok(None),
        }
    }
}
