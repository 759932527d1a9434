use std::{
    fs,
    path::Path,
    process::{Command, Output},
};

use serde_json::Value;

fn launder(folder: &Path, more: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_bank"))
        .args(["fraud", "launder"])
        .arg(folder)
        .args(more)
        .output()
        .unwrap()
}

#[test]
fn a_folder_is_measured_as_table_and_as_json_and_bad_rows_are_told() {
    let folder = tempfile::tempdir().unwrap();
    let nodes = "nodeid,isFraud,init_balance,fraudStep\n1,1,1.00,-1\n2,1,1.00,-1\n3,0,1.00,-1\n4,1,1.00,-1\n";
    fs::write(folder.path().join("nodes.csv"), nodes).unwrap();
    let payments =
        "sourceNodeId,targetNodeId,value,time\n1,2,50.00,1\n2,3,50.00,4\n3,1,49.00,9\n3,7,1.00,10\n";
    fs::write(folder.path().join("transactions.csv"), payments).unwrap();
    let output = launder(folder.path(), &[]);
    assert!(output.status.success());
    let table = String::from_utf8(output.stdout).unwrap();
    assert!(
        table.contains("| cycle v2 | 1 | 0.11 | 3 | 2 | 0.667 | 0.667 |"),
        "{table}"
    );
    assert!(
        table.contains("| fan-in v1 | 0 | 0.00 | 0 | 0 | 0.000 | - |"),
        "{table}"
    );
    let told = String::from_utf8(output.stderr).unwrap();
    assert!(
        told.contains("transactions.csv:5: AMLSIM_UNKNOWN_ACCOUNT") && told.contains("1 bad rows"),
        "{told}"
    );
    let figures: Value = serde_json::from_slice(&launder(folder.path(), &["--json"]).stdout).unwrap();
    assert_eq!(figures[0]["cycles_in_order"], 1);
    assert_eq!(figures[0]["all"]["alerts"], 1);
    let file = folder.path().join("out.json");
    assert!(
        launder(folder.path(), &["--json", file.to_str().unwrap()])
            .status
            .success()
    );
    assert_eq!(
        serde_json::from_slice::<Value>(&fs::read(file).unwrap()).unwrap(),
        figures
    );
}

#[test]
fn what_is_no_sample_fails_with_a_code() {
    let output = launder(Path::new("/nowhere"), &[]);
    assert_eq!(output.status.code(), Some(1));
    let error = String::from_utf8(output.stderr).unwrap();
    assert!(error.contains("AMLSIM_MISSING_FILE"), "{error}");
}
