use std::fmt::{self, Display, Write};

use serde::{
    Serialize, Serializer,
    ser::{
        SerializeMap, SerializeSeq, SerializeStruct, SerializeStructVariant, SerializeTuple,
        SerializeTupleStruct, SerializeTupleVariant,
    },
};

use super::{GiveUp, plain_text};

/// How serde_json's `RawValue` says that it is JSON already: the name of a struct, and of its one field. A test notices
/// should it ever change.
pub(crate) const RAW: &str = "$serde_json::private::RawValue";

/// Writes JSON as serde_json does, byte for byte. It gives up at what no message has: fractions, bytes, numbers of more
/// than 64 bits, keys that are no text.
pub(super) struct Writer<'w> {
    pub(super) bytes: &'w mut Vec<u8>,
}

impl Writer<'_> {
    fn text(&mut self, text: &str) -> Result<(), GiveUp> {
        if plain_text(text.as_bytes()) < text.len() {
            return serde_json::to_writer(&mut *self.bytes, text).map_err(|_| GiveUp);
        }
        self.bytes.push(b'"');
        self.bytes.extend_from_slice(text.as_bytes());
        self.bytes.push(b'"');
        Ok(())
    }

    fn number(&mut self, number: impl itoa::Integer) -> Result<(), GiveUp> {
        self.bytes
            .extend_from_slice(itoa::Buffer::new().format(number).as_bytes());
        Ok(())
    }

    fn word(&mut self, word: &str) -> Result<(), GiveUp> {
        self.bytes.extend_from_slice(word.as_bytes());
        Ok(())
    }

    /// Opens the variant that holds something.
    fn variant(&mut self, name: &str) -> Result<(), GiveUp> {
        self.bytes.push(b'{');
        self.text(name)?;
        self.bytes.push(b':');
        Ok(())
    }
}

/// Shows what a value writes of text, as it is.
struct AsItIs<'v, T: ?Sized>(&'v T);

impl<T: Serialize + ?Sized> Display for AsItIs<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.serialize(f)
    }
}

/// Takes the text of what displays itself, into a string that is open.
struct Piecewise<'w>(&'w mut Vec<u8>);

impl Write for Piecewise<'_> {
    fn write_str(&mut self, piece: &str) -> fmt::Result {
        if plain_text(piece.as_bytes()) == piece.len() {
            self.0.extend_from_slice(piece.as_bytes());
            return Ok(());
        }
        let quoted = serde_json::to_string(piece).map_err(|_| fmt::Error)?;
        let inner = quoted.get(1..quoted.len() - 1).ok_or(fmt::Error)?;
        self.0.extend_from_slice(inner.as_bytes());
        Ok(())
    }
}

macro_rules! numbers {
    ($($method:ident: $number:ty,)*) => {
        $(fn $method(self, number: $number) -> Result<(), GiveUp> {
            self.number(number)
        })*
    };
}

macro_rules! unwritten {
    ($($method:ident: $value:ty,)*) => {
        $(fn $method(self, _: $value) -> Result<(), GiveUp> {
            Err(GiveUp)
        })*
    };
}

impl<'s, 'w> Serializer for &'s mut Writer<'w> {
    type Ok = ();
    type Error = GiveUp;
    type SerializeSeq = Items<'s, 'w>;
    type SerializeTuple = Items<'s, 'w>;
    type SerializeTupleStruct = Items<'s, 'w>;
    type SerializeTupleVariant = Items<'s, 'w>;
    type SerializeMap = Items<'s, 'w>;
    type SerializeStruct = Items<'s, 'w>;
    type SerializeStructVariant = Items<'s, 'w>;

    numbers! {
        serialize_i8: i8, serialize_i16: i16, serialize_i32: i32, serialize_i64: i64,
        serialize_u8: u8, serialize_u16: u16, serialize_u32: u32, serialize_u64: u64,
    }

    unwritten! {
        serialize_i128: i128, serialize_u128: u128, serialize_f32: f32, serialize_f64: f64, serialize_bytes: &[u8],
    }

    fn serialize_bool(self, value: bool) -> Result<(), GiveUp> {
        self.word(if value { "true" } else { "false" })
    }

    fn serialize_char(self, value: char) -> Result<(), GiveUp> {
        self.text(value.encode_utf8(&mut [0; 4]))
    }

    fn serialize_str(self, text: &str) -> Result<(), GiveUp> {
        self.text(text)
    }

    fn collect_str<T: Display + ?Sized>(self, value: &T) -> Result<(), GiveUp> {
        self.bytes.push(b'"');
        write!(Piecewise(self.bytes), "{value}").map_err(|_| GiveUp)?;
        self.bytes.push(b'"');
        Ok(())
    }

    fn serialize_none(self) -> Result<(), GiveUp> {
        self.word("null")
    }

    fn serialize_some<T: Serialize + ?Sized>(self, value: &T) -> Result<(), GiveUp> {
        value.serialize(self)
    }

    fn serialize_unit(self) -> Result<(), GiveUp> {
        self.word("null")
    }

    fn serialize_unit_struct(self, _: &'static str) -> Result<(), GiveUp> {
        self.word("null")
    }

    fn serialize_unit_variant(self, _: &'static str, _: u32, variant: &'static str) -> Result<(), GiveUp> {
        self.text(variant)
    }

    fn serialize_newtype_struct<T: Serialize + ?Sized>(
        self,
        _: &'static str,
        value: &T,
    ) -> Result<(), GiveUp> {
        value.serialize(self)
    }

    fn serialize_newtype_variant<T: Serialize + ?Sized>(
        self,
        _: &'static str,
        _: u32,
        variant: &'static str,
        value: &T,
    ) -> Result<(), GiveUp> {
        self.variant(variant)?;
        value.serialize(&mut *self)?;
        self.word("}")
    }

    fn serialize_seq(self, _: Option<usize>) -> Result<Self::SerializeSeq, GiveUp> {
        Ok(Items::opened(self, "[", "]"))
    }

    fn serialize_tuple(self, _: usize) -> Result<Self::SerializeTuple, GiveUp> {
        Ok(Items::opened(self, "[", "]"))
    }

    fn serialize_tuple_struct(self, _: &'static str, _: usize) -> Result<Self::SerializeTupleStruct, GiveUp> {
        Ok(Items::opened(self, "[", "]"))
    }

    fn serialize_tuple_variant(
        self,
        _: &'static str,
        _: u32,
        variant: &'static str,
        _: usize,
    ) -> Result<Self::SerializeTupleVariant, GiveUp> {
        self.variant(variant)?;
        Ok(Items::opened(self, "[", "]}"))
    }

    fn serialize_map(self, _: Option<usize>) -> Result<Self::SerializeMap, GiveUp> {
        Ok(Items::opened(self, "{", "}"))
    }

    fn serialize_struct(self, name: &'static str, _: usize) -> Result<Self::SerializeStruct, GiveUp> {
        Ok(match name == RAW {
            true => Items::opened(self, "", ""),
            false => Items::opened(self, "{", "}"),
        })
    }

    fn serialize_struct_variant(
        self,
        _: &'static str,
        _: u32,
        variant: &'static str,
        _: usize,
    ) -> Result<Self::SerializeStructVariant, GiveUp> {
        self.variant(variant)?;
        Ok(Items::opened(self, "{", "}}"))
    }
}

/// What an array or an object holds.
pub(super) struct Items<'s, 'w> {
    writer: &'s mut Writer<'w>,
    close: &'static str,
    any: bool,
}

impl<'s, 'w> Items<'s, 'w> {
    fn opened(writer: &'s mut Writer<'w>, open: &str, close: &'static str) -> Self {
        writer.bytes.extend_from_slice(open.as_bytes());
        Self {
            writer,
            close,
            any: false,
        }
    }

    fn next(&mut self) {
        if self.any {
            self.writer.bytes.push(b',');
        }
        self.any = true;
    }

    fn item<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), GiveUp> {
        self.next();
        value.serialize(&mut *self.writer)
    }

    /// A field under its name, which stands in the source: it needs no escape.
    ///
    /// Inlined, so that the name is a constant and copied as one.
    #[inline(always)]
    fn field<T: Serialize + ?Sized>(&mut self, name: &'static str, value: &T) -> Result<(), GiveUp> {
        if name == RAW {
            let bytes = std::io::Write::write_fmt(self.writer.bytes, format_args!("{}", AsItIs(value)));
            return bytes.map_err(|_| GiveUp);
        }
        let opening = if self.any { ",\"" } else { "\"" };
        self.any = true;
        self.writer.bytes.extend_from_slice(opening.as_bytes());
        self.writer.bytes.extend_from_slice(name.as_bytes());
        self.writer.bytes.extend_from_slice(b"\":");
        value.serialize(&mut *self.writer)
    }

    fn close(self) -> Result<(), GiveUp> {
        self.writer.word(self.close)
    }
}

macro_rules! of_items {
    ($($kind:ident::$method:ident,)*) => {
        $(impl $kind for Items<'_, '_> {
            type Ok = ();
            type Error = GiveUp;

            fn $method<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), GiveUp> {
                self.item(value)
            }

            fn end(self) -> Result<(), GiveUp> {
                self.close()
            }
        })*
    };
}

of_items! {
    SerializeSeq::serialize_element,
    SerializeTuple::serialize_element,
    SerializeTupleStruct::serialize_field,
    SerializeTupleVariant::serialize_field,
}

macro_rules! of_fields {
    ($($kind:ident,)*) => {
        $(impl $kind for Items<'_, '_> {
            type Ok = ();
            type Error = GiveUp;

            #[inline(always)]
            fn serialize_field<T: Serialize + ?Sized>(
                &mut self,
                name: &'static str,
                value: &T,
            ) -> Result<(), GiveUp> {
                self.field(name, value)
            }

            fn end(self) -> Result<(), GiveUp> {
                self.close()
            }
        })*
    };
}

of_fields! { SerializeStruct, SerializeStructVariant, }

impl SerializeMap for Items<'_, '_> {
    type Ok = ();
    type Error = GiveUp;

    fn serialize_key<T: Serialize + ?Sized>(&mut self, key: &T) -> Result<(), GiveUp> {
        self.next();
        let start = self.writer.bytes.len();
        key.serialize(&mut *self.writer)?;
        match self.writer.bytes.get(start) {
            Some(b'"') => Ok(()),
            _ => Err(GiveUp),
        }
    }

    fn serialize_value<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), GiveUp> {
        self.writer.bytes.push(b':');
        value.serialize(&mut *self.writer)
    }

    fn end(self) -> Result<(), GiveUp> {
        self.close()
    }
}
