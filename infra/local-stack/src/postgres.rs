//! PostgreSQL as a child process.

use std::fs;
use std::io::Write;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use nix::sys::signal::Signal;
use nix::unistd::{Uid, User, chown};

use crate::error::{At, Result, StackError, tail_of};
use crate::progress::Progress;
use crate::server::{self, Layout, Program, Server};
use crate::{data_dir, fetch, leftovers, platform, ports, random};

/// The role and the database that the stack makes.
const NAME: &str = "tributary";
/// Says that the cluster was initialised to the end. Without it no server ever ran there, so nothing can be lost.
const INITIALISED: &str = "initialised";

/// What to start.
#[derive(Clone, Debug)]
pub struct PostgresConfig {
    /// Where it keeps its cluster. When root starts it, an unprivileged user must be able to reach it.
    pub home: PathBuf,
    /// The file with the password, made the first time; only this user may read it.
    pub password_file: PathBuf,
    /// Where `postgres.log` goes.
    pub logs: PathBuf,
    /// The port; none: a free one.
    pub port: Option<u16>,
}

impl PostgresConfig {
    /// A server for a data directory.
    pub fn below(data_dir: &Path) -> Self {
        Self {
            home: data_dir::postgres_home(data_dir),
            password_file: data_dir.join("postgres.password"),
            logs: data_dir.join("logs"),
            port: None,
        }
    }

    fn cluster(&self) -> PathBuf {
        self.home.join("data")
    }
}

/// A PostgreSQL of our own. Dropped, it is killed.
#[derive(Debug)]
pub struct Postgres {
    /// The server with all its sessions.
    pub server: Server,
    password: String,
    initialised_in: Option<Duration>,
}

impl Postgres {
    /// Fetches it if need be, initialises its cluster the first time, starts it and waits until it serves.
    ///
    /// # Errors
    /// Those of [`fetch`](crate::fetch), and `PORT_TAKEN`, `NO_FREE_PORT`, `SERVER_EXITED`, `SERVER_STALLED`,
    /// `NO_UNPRIVILEGED_USER`.
    pub fn start(config: &PostgresConfig, progress: &Progress) -> Result<Self> {
        let start = Start {
            config,
            software: fetch::fetch_postgres(progress)?,
            user: platform::unprivileged_user()?,
            progress,
        };
        data_dir::create_private(&config.logs)?;
        start.make_home()?;
        leftovers::end(&config.cluster())?;
        let (password, initialised_in) = start.initialise()?;
        let seed = ports::seed_of(&config.cluster());
        let server = ports::on_a_port(config.port, || ports::free(seed), |port| start.on(port))?;
        Ok(Self {
            server,
            password,
            initialised_in,
        })
    }

    /// Where to connect, password included.
    pub fn database_url(&self) -> String {
        format!(
            "postgres://{NAME}:{}@127.0.0.1:{}/{NAME}",
            self.password,
            self.server.port()
        )
    }

    /// Where to connect, without the password, which is in [`PostgresConfig::password_file`].
    pub fn database_url_without_password(&self) -> String {
        format!("postgres://{NAME}@127.0.0.1:{}/{NAME}", self.server.port())
    }

    /// How long initialising the cluster took, where this start did it.
    pub fn initialised_in(&self) -> Option<Duration> {
        self.initialised_in
    }
}

/// One attempt to start.
struct Start<'a> {
    config: &'a PostgresConfig,
    software: PathBuf,
    /// Whom the server runs as; none: who runs this.
    user: Option<User>,
    progress: &'a Progress,
}

impl Start<'_> {
    /// Makes the directory that belongs to the user whom PostgreSQL runs as.
    fn make_home(&self) -> Result<()> {
        let home = &self.config.home;
        data_dir::create_private(home)?;
        let (user, group) = match &self.user {
            Some(user) => (user.uid, Some(user.gid)),
            None => (Uid::effective(), None),
        };
        let found = fs::symlink_metadata(home).at("can't look at", home)?;
        // Under a directory that everybody may write to, anybody could have put it there.
        let own = found.uid() == Uid::effective().as_raw() || found.uid() == user.as_raw();
        if !found.is_dir() || !own {
            return Err(StackError::ForeignDirectory {
                path: home.clone(),
                owner: found.uid(),
            });
        }
        if self.user.is_some() {
            chown(home, Some(user), group)
                .map_err(std::io::Error::from)
                .at("can't give away", home)?;
        }
        fs::set_permissions(home, fs::Permissions::from_mode(0o700)).at("can't close", home)
    }

    /// The password, and how long initialising the cluster took where it was done now.
    fn initialise(&self) -> Result<(String, Option<Duration>)> {
        let (home, cluster) = (self.config.home.clone(), self.config.cluster());
        let initialised = home.join(INITIALISED);
        let file = &self.config.password_file;
        // A cluster without its password is what stays behind when root's data directory was deleted by hand, which
        // does not hold the cluster: whoever did that wanted it gone.
        if initialised.exists() && file.exists() {
            let password = fs::read_to_string(file).at("can't read the password in", file)?;
            return Ok((password.trim().to_owned(), None));
        }
        let step = self.progress.step("Initialising PostgreSQL's cluster", None);
        data_dir::remove(&initialised)?;
        data_dir::remove(&cluster)?;
        let password = self.new_password()?;
        // The server's own user must read it, who can't read the file that is kept.
        let handed_over = home.join("password");
        data_dir::remove(&handed_over)?;
        let write = data_dir::open_private(&handed_over).and_then(|mut file| writeln!(file, "{password}"));
        write.at("can't write", &handed_over)?;
        if let Some(user) = &self.user {
            chown(&handed_over, Some(user.uid), Some(user.gid))
                .map_err(std::io::Error::from)
                .at("can't give away", &handed_over)?;
        }
        let mut command = self.program("initdb").command();
        command.args([
            "--username",
            NAME,
            "--auth",
            "scram-sha-256",
            "--encoding",
            "UTF8",
        ]);
        // Of PostgreSQL itself, so that sorting does not depend on the machine's libraries.
        command.args([
            "--locale-provider",
            "builtin",
            "--builtin-locale",
            "C.UTF-8",
            "--locale",
            "C",
        ]);
        command
            .arg("--pwfile")
            .arg(&handed_over)
            .arg("--pgdata")
            .arg(&cluster)
            .stdin(Stdio::null());
        let printed = self.config.logs.join("postgres.initdb.out");
        server::prepare("Initialising PostgreSQL's cluster", command, &home, &printed)?;
        data_dir::remove(&handed_over)?;
        self.create_database(&home)?;
        fs::write(&initialised, "").at("can't write", &initialised)?;
        Ok((password, Some(step.done("done"))))
    }

    /// Makes the database by the server's single-user mode, since the artifact has no client.
    fn create_database(&self, home: &Path) -> Result<()> {
        let (input, mut writer) = std::io::pipe().at("can't open a pipe in", home)?;
        let sql = format!("CREATE DATABASE {NAME}\n");
        writer
            .write_all(sql.as_bytes())
            .at("can't write to a pipe in", home)?;
        drop(writer);
        let mut command = self.program("postgres").command();
        command.arg("--single").arg("-D").arg(self.config.cluster());
        // Without this an error would be printed and the exit status would still be zero.
        command.args(["-c", "exit_on_error=on", "postgres"]).stdin(input);
        let printed = self.config.logs.join("postgres.createdb.out");
        server::prepare("Creating PostgreSQL's database", command, home, &printed)
    }

    fn new_password(&self) -> Result<String> {
        let file = &self.config.password_file;
        let password = random::hex(&random::bytes::<24>()?);
        data_dir::remove(file)?;
        let write = data_dir::open_private(file).and_then(|mut open| writeln!(open, "{password}"));
        write.at("can't write", file)?;
        Ok(password)
    }

    fn on(&self, port: u16) -> Result<Server> {
        let step = self
            .progress
            .step(format!("Starting PostgreSQL {}", crate::POSTGRES_VERSION), None);
        let cluster = self.config.cluster();
        let log = self.config.logs.join("postgres.log");
        let mut program = self.program("postgres");
        program.arg("-D").arg(&cluster);
        for setting in settings(port) {
            program.arg("-c").arg(setting);
        }
        let mut server = Server::launch(Layout {
            what: "PostgreSQL",
            program,
            home: cluster.clone(),
            printed: log.clone(),
            log,
            // No process of a former server is left, so its mark means nothing; left there, a process that got its pid
            // since would be taken for it.
            stale: vec![cluster.join("postmaster.pid")],
            farewell: None,
            serves,
            // An immediate shutdown: like a crash for the data, but the sessions end and shared memory is given back.
            on_parent_death: Signal::SIGQUIT,
            // A fast shutdown: with SIGTERM it would wait for its clients to leave.
            ask_to_stop: Signal::SIGINT,
            port_taken: "could not bind",
            port,
        })?;
        server.await_ready()?;
        step.done(&format!("listens on 127.0.0.1:{port}"));
        Ok(server)
    }

    /// One of PostgreSQL's programs, run by the right user in an environment that can't change what it does.
    fn program(&self, name: &str) -> Program {
        Program {
            path: self.software.join("bin").join(name).into(),
            arguments: Vec::new(),
            environment: Some(vec![("PATH", "/usr/bin:/bin"), ("LC_ALL", "C"), ("TZ", "UTC")]),
            user: self
                .user
                .as_ref()
                .map(|user| (user.uid.as_raw(), user.gid.as_raw())),
        }
    }
}

/// Settings that differ from PostgreSQL's own. Durability stays as it is: `fsync` and `synchronous_commit` are on.
fn settings(port: u16) -> [String; 9] {
    [
        "listen_addresses=127.0.0.1".to_owned(),
        format!("port={port}"),
        // A socket in a directory that others may enter would be a second door.
        "unix_socket_directories=".to_owned(),
        "password_encryption=scram-sha-256".to_owned(),
        "timezone=UTC".to_owned(),
        "log_timezone=UTC".to_owned(),
        "log_line_prefix=%m [%p] ".to_owned(),
        // Compiling short queries costs more than it saves.
        "jit=off".to_owned(),
        // Rows are looked up by key. While tables grow fast, their statistics are taken every minute, and a sample of 30,000
        // rows was a tenth of all that the server computed.
        "default_statistics_target=10".to_owned(),
    ]
}

/// Whether the server accepts connections, by the mark that `pg_ctl` waits for: the last line of `postmaster.pid`. An
/// open port would be too early: it answers during crash recovery as well, and refuses.
fn serves(layout: &Layout, pid: u32) -> bool {
    let mark = tail_of(&layout.home.join("postmaster.pid"), usize::MAX);
    let mut lines = mark.lines();
    lines.next() == Some(&pid.to_string()) && lines.last().is_some_and(|status| status.trim() == "ready")
}
