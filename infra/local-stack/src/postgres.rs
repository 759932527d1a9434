//! PostgreSQL as a child process.

use std::fs;
use std::io::Write;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use nix::sys::signal::Signal;
use nix::unistd::{Uid, User, chown};

use crate::error::{At, Result, StackError, tail_of};
use crate::progress::Progress;
use crate::server::{self, Layout, Server};
use crate::stopwatch::Stopwatch;
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
    config: PostgresConfig,
    software: PathBuf,
    user: Option<User>,
    password: String,
    port: u16,
    server: Option<Server>,
    initialised_in: Option<Duration>,
    started_in: Duration,
}

impl Postgres {
    /// Fetches it if need be, initialises its cluster the first time, starts it and waits until it serves.
    ///
    /// # Errors
    /// Those of [`fetch`](crate::fetch), and `PORT_TAKEN`, `NO_FREE_PORT`, `SERVER_EXITED`, `SERVER_STALLED`,
    /// `NO_UNPRIVILEGED_USER`.
    pub fn start(config: &PostgresConfig, progress: &Progress) -> Result<Self> {
        let mut postgres = Self {
            config: config.clone(),
            software: fetch::fetch_postgres(progress)?,
            user: platform::unprivileged_user()?,
            password: String::new(),
            port: 0,
            server: None,
            initialised_in: None,
            started_in: Duration::ZERO,
        };
        data_dir::create_private(&config.logs)?;
        postgres.make_home()?;
        leftovers::end(&config.cluster())?;
        postgres.initialise(progress)?;
        let seed = ports::seed_of(&config.cluster());
        ports::on_a_port(
            config.port,
            || ports::free(seed),
            |port| {
                postgres.port = port;
                postgres.started_in = postgres.run(progress)?;
                Ok(())
            },
        )?;
        Ok(postgres)
    }

    /// Starts it again on the same data and port after [`Postgres::kill9`] or [`Postgres::stop`]; one that runs is
    /// left alone. Returns how long it took, crash recovery included.
    ///
    /// # Errors
    /// `PORT_TAKEN`, `SERVER_EXITED`, `SERVER_STALLED`, `STACK_IO`.
    pub fn start_again(&mut self) -> Result<Duration> {
        if self.server.is_some() {
            return Ok(Duration::ZERO);
        }
        leftovers::end(&self.config.cluster())?;
        self.started_in = self.run(&Progress::quiet())?;
        Ok(self.started_in)
    }

    /// Stops it in order and starts it again. Returns how long the start took.
    ///
    /// # Errors
    /// As for [`Postgres::start_again`].
    pub fn restart(&mut self) -> Result<Duration> {
        self.stop()?;
        self.start_again()
    }

    /// Kills the server and all its sessions without warning, as a crash would.
    ///
    /// # Errors
    /// `STACK_IO`.
    pub fn kill9(&mut self) -> Result<()> {
        self.server.take().map_or(Ok(()), |mut server| server.kill9())
    }

    /// Stops it in order, ending its sessions. Returns whether it ended by itself rather than by a kill after 30 s.
    ///
    /// # Errors
    /// `STACK_IO`.
    pub fn stop(&mut self) -> Result<bool> {
        self.server.take().map_or(Ok(true), |mut server| server.stop())
    }

    /// Where to connect, password included.
    pub fn database_url(&self) -> String {
        format!(
            "postgres://{NAME}:{}@127.0.0.1:{}/{NAME}",
            self.password, self.port
        )
    }

    /// Where to connect, without the password, which is in [`PostgresConfig::password_file`].
    pub fn database_url_without_password(&self) -> String {
        format!("postgres://{NAME}@127.0.0.1:{}/{NAME}", self.port)
    }

    /// The server's process, while there is one.
    pub fn pid(&self) -> Option<u32> {
        self.server.as_ref().map(Server::pid)
    }

    /// Whether its process runs, which a crash would have ended.
    pub fn is_running(&mut self) -> bool {
        self.server
            .as_mut()
            .is_some_and(|server| matches!(server.try_wait(), Ok(None)))
    }

    /// Where it logs; emptied at every start.
    pub fn log_file(&self) -> PathBuf {
        self.config.logs.join("postgres.log")
    }

    /// How long initialising the cluster took, where this start did it.
    pub fn initialised_in(&self) -> Option<Duration> {
        self.initialised_in
    }

    /// How long the last start took, from the process's creation to serving.
    pub fn started_in(&self) -> Duration {
        self.started_in
    }

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

    fn initialise(&mut self, progress: &Progress) -> Result<()> {
        let (home, cluster) = (self.config.home.clone(), self.config.cluster());
        let initialised = home.join(INITIALISED);
        let file = &self.config.password_file;
        // A cluster without its password is what stays behind when root's data directory was deleted by hand, which
        // does not hold the cluster: whoever did that wanted it gone.
        if initialised.exists() && file.exists() {
            self.password = fs::read_to_string(file)
                .at("can't read the password in", file)?
                .trim()
                .to_owned();
            return Ok(());
        }
        let step = progress.step("Initialising PostgreSQL's cluster", None);
        data_dir::remove(&initialised)?;
        data_dir::remove(&cluster)?;
        self.password = self.new_password()?;
        // The server's own user must read it, who can't read the file that is kept.
        let handed_over = home.join("password");
        data_dir::remove(&handed_over)?;
        let write =
            data_dir::open_private(&handed_over).and_then(|mut file| writeln!(file, "{}", self.password));
        write.at("can't write", &handed_over)?;
        if let Some(user) = &self.user {
            chown(&handed_over, Some(user.uid), Some(user.gid))
                .map_err(std::io::Error::from)
                .at("can't give away", &handed_over)?;
        }
        let mut command = self.program("initdb");
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
        self.initialised_in = Some(step.done("done"));
        Ok(())
    }

    /// Makes the database by the server's single-user mode, since the artifact has no client.
    fn create_database(&self, home: &Path) -> Result<()> {
        let (input, mut writer) = std::io::pipe().at("can't open a pipe in", home)?;
        let sql = format!("CREATE DATABASE {NAME}\n");
        writer
            .write_all(sql.as_bytes())
            .at("can't write to a pipe in", home)?;
        drop(writer);
        let mut command = self.program("postgres");
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

    fn run(&mut self, progress: &Progress) -> Result<Duration> {
        let step = progress.step(format!("Starting PostgreSQL {}", crate::POSTGRES_VERSION), None);
        let watch = Stopwatch::start();
        let cluster = self.config.cluster();
        // No process of a former server is left, so its mark means nothing; left there, a process that got its pid
        // since would be taken for it.
        data_dir::remove(&cluster.join("postmaster.pid"))?;
        let layout = Layout {
            what: "PostgreSQL",
            home: cluster.clone(),
            printed: self.log_file(),
            grows: vec![self.log_file()],
            // An immediate shutdown: like a crash for the data, but the sessions end and shared memory is given back.
            on_parent_death: Signal::SIGQUIT,
            // A fast shutdown: with SIGTERM it would wait for its clients to leave.
            ask_to_stop: Signal::SIGINT,
            port_taken: "could not bind",
            port: self.port,
        };
        let mut command = self.program("postgres");
        command.arg("-D").arg(&cluster);
        for setting in settings(self.port) {
            command.arg("-c").arg(setting);
        }
        self.server = Some(Server::start(&layout, command, serves)?);
        step.done(&format!("listens on 127.0.0.1:{}", self.port));
        Ok(watch.elapsed())
    }

    /// One of PostgreSQL's programs, run by the right user in an environment that can't change what it does.
    fn program(&self, name: &str) -> Command {
        let mut command = Command::new(self.software.join("bin").join(name));
        command
            .env_clear()
            .env("PATH", "/usr/bin:/bin")
            .env("LC_ALL", "C")
            .env("TZ", "UTC");
        if let Some(user) = &self.user {
            // Sets the groups as well: being root it drops all that root is in.
            command.uid(user.uid.as_raw()).gid(user.gid.as_raw());
        }
        command
    }
}

/// Settings that differ from PostgreSQL's own. Durability stays as it is: `fsync` and `synchronous_commit` are on.
fn settings(port: u16) -> [String; 8] {
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
    ]
}

/// Whether the server accepts connections, by the mark that `pg_ctl` waits for: the last line of `postmaster.pid`. An
/// open port would be too early: it answers during crash recovery as well, and refuses.
fn serves(layout: &Layout, pid: u32) -> bool {
    let mark = tail_of(&layout.home.join("postmaster.pid"), usize::MAX);
    let mut lines = mark.lines();
    lines.next() == Some(&pid.to_string()) && lines.last().is_some_and(|status| status.trim() == "ready")
}
