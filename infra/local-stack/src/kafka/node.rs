//! One of Kafka's processes: its directory, its settings, its Java.

use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};

use crate::data_dir;
use crate::error::{At, Result};
use crate::java::Java;
use crate::server::{self, Program};

/// Where a process works, and what it is made of.
#[derive(Clone, Copy, Debug)]
pub(super) struct Node<'a> {
    pub(super) java: &'a Java,
    /// Directory of the jars.
    pub(super) jars: &'a Path,
    /// The archive of classes, where there is one.
    pub(super) classes: Option<&'a Path>,
    /// The directory that it works in, and names its files from.
    pub(super) home: &'a Path,
}

impl Node<'_> {
    /// Writes its settings.
    pub(super) fn configure(&self, server: &str, logging: &str) -> Result<()> {
        data_dir::create_private(self.home)?;
        for (name, text) in [("server.properties", server), ("log4j2.properties", logging)] {
            let path = self.home.join(name);
            fs::write(&path, text).at("can't write", &path)?;
        }
        // The native parts of compression libraries are unpacked here, and stay after a kill.
        let temporary = self.home.join("tmp");
        data_dir::remove(&temporary)?;
        data_dir::create_private(&temporary)
    }

    /// Formats the storage of a node that is a controller.
    pub(super) fn format(&self, cluster_id: &str, printed: &Path) -> Result<()> {
        let mut program = self.small(128);
        program
            .args(["kafka.tools.StorageTool", "format", "--cluster-id", cluster_id])
            .arg("--config")
            .arg(self.properties());
        server::prepare(
            "Formatting Kafka's storage",
            program.command(),
            self.home,
            printed,
        )
    }

    /// The flags that Kafka's own scripts give a broker.
    pub(super) fn large(&self, heap_mb: u32) -> Program {
        // The collector is named because Java picks a stop-the-world one on a machine with one core.
        let flags = [
            "-XX:+UseG1GC",
            "-XX:MaxGCPauseMillis=20",
            "-XX:InitiatingHeapOccupancyPercent=35",
        ];
        self.program(heap_mb, &flags)
    }

    /// For what runs shortly or does little: few threads, and no time spent on making code fast.
    pub(super) fn small(&self, heap_mb: u32) -> Program {
        self.program(heap_mb, &["-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1"])
    }

    fn program(&self, heap_mb: u32, flags: &[&str]) -> Program {
        let mut program = Program {
            path: self.java.program.clone(),
            arguments: Vec::new(),
            environment: None,
            user: None,
        };
        program.arg(format!("-Xmx{heap_mb}m")).args(flags);
        if let Some(classes) = self.classes {
            let mut option = OsString::from("-XX:SharedArchiveFile=");
            option.push(classes);
            program.arg(option);
        }
        // Out of memory it must die, not limp on.
        program.args([
            "-XX:+ExitOnOutOfMemoryError",
            "-XX:-UsePerfData",
            "-Djava.awt.headless=true",
            "-Djava.io.tmpdir=tmp",
            "-Dlog4j2.configurationFile=log4j2.properties",
        ]);
        program.arg("-cp").arg(self.jars.join("*"));
        program
    }

    /// Has the program run the server.
    pub(super) fn run(&self, program: &mut Program) {
        program.arg("kafka.Kafka").arg(self.properties());
    }

    /// Named in full: where there is no `/proc`, a process is found by the directory in its command line.
    fn properties(&self) -> PathBuf {
        self.home.join("server.properties")
    }
}
