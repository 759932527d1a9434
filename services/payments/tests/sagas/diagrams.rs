//! The pages of the sagas are drawn from their definitions.

use std::path::PathBuf;

use tributary_payments_domain::sagas;
use tributary_saga::{Saga, explore::explore};

fn page(saga: &Saga) -> String {
    let Saga { name, title, .. } = saga;
    format!(
        "# Saga `{name}`\n\n{title}. Drawn from its definition in `services/payments/domain/src/sagas`; a test holds \
         this page against it.\n\n```mermaid\n{}```\n\nThe step with six corners is the pivot: before it the saga can \
         turn back, from it on it only goes forward.\n",
        saga.diagram()
    )
}

#[test]
fn every_saga_is_without_flaws_whatever_happens() {
    for saga in sagas::ALL {
        assert_eq!(saga.flaws(), [], "{}", saga.name);
        let explored = explore(saga).unwrap_or_else(|broken| panic!("{}: {broken}", saga.name));
        println!("{}: {explored:?}", saga.name);
    }
}

#[test]
fn the_pages_show_the_sagas_as_they_are() {
    for saga in sagas::ALL {
        let path =
            PathBuf::from(env!("CARGO_MANIFEST_DIR")).join(format!("../../docs/sagas/{}.md", saga.name));
        if std::env::var_os("UPDATE_SAGAS").is_some() {
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(&path, page(saga)).unwrap();
        }
        let written = std::fs::read_to_string(&path).unwrap_or_default();
        assert_eq!(
            written,
            page(saga),
            "UPDATE_SAGAS=1 cargo test -p tributary-payments --test sagas"
        );
    }
}
