//! Both twins over TLS: to the contract's own checks, to redis-cli and to redis-py.
#![expect(clippy::unwrap_used, clippy::expect_used, reason = "a test's way to fail")]

mod common;

use common::{is_here, redis_py, twins};
use conformance::cache_server::{self, Subject};
use conformance::process::Service;
use rustls::SupportedProtocolVersion;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, IpAddr, ServerName};
use rustls::version::{TLS12, TLS13};
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::path::Path;
use std::process::{Command, Output};
use std::sync::Arc;
use tokio_rustls::TlsConnector;

/// A certificate for 127.0.0.1 that signs itself, and its key.
struct Certificate {
    file: &'static str,
    key: &'static str,
}

const ONE: Certificate = Certificate {
    file: concat!(env!("CARGO_MANIFEST_DIR"), "/tests/tls/one.pem"),
    key: concat!(env!("CARGO_MANIFEST_DIR"), "/tests/tls/one-key.pem"),
};
const OTHER: Certificate = Certificate {
    file: concat!(env!("CARGO_MANIFEST_DIR"), "/tests/tls/other.pem"),
    key: concat!(env!("CARGO_MANIFEST_DIR"), "/tests/tls/other-key.pem"),
};

impl Certificate {
    /// Starts a twin that shows it, and says where.
    fn start(&self, twin: &Path) -> (Service, SocketAddr) {
        let tls = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap().local_addr().unwrap();
        let listen = tls.to_string();
        let options = ["--tls-listen", &listen, "--tls-cert", self.file, "--tls-key", self.key];
        let service = Service::start(twin, &[&["--threads", "2"], &options[..]].concat());
        (service.unwrap(), tls)
    }

    /// A port where what is said plainly goes to the service in TLS, if that shows this certificate.
    fn bridge(
        &self,
        service: SocketAddr,
        version: &'static SupportedProtocolVersion,
    ) -> SocketAddr {
        let mut roots = rustls::RootCertStore::empty();
        roots.add(CertificateDer::from_pem_file(self.file).unwrap()).unwrap();
        let ring = Arc::new(rustls::crypto::ring::default_provider());
        let config = rustls::ClientConfig::builder_with_provider(ring)
            .with_protocol_versions(&[version])
            .unwrap()
            .with_root_certificates(roots)
            .with_no_client_auth();
        let connector = TlsConnector::from(Arc::new(config));
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        listener.set_nonblocking(true).unwrap();
        let address = listener.local_addr().unwrap();
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        // It goes with the test's process.
        std::thread::spawn(move || {
            runtime.block_on(async {
                let listener = tokio::net::TcpListener::from_std(listener).unwrap();
                loop {
                    let (mut plain, _) = listener.accept().await.unwrap();
                    let connector = connector.clone();
                    tokio::spawn(async move {
                        let name = ServerName::IpAddress(IpAddr::from(service.ip()));
                        let socket = tokio::net::TcpStream::connect(service).await.unwrap();
                        for socket in [&plain, &socket] {
                            socket.set_nodelay(true).unwrap();
                        }
                        let mut tls = connector.connect(name, socket).await.unwrap();
                        // Either side may break off.
                        drop(tokio::io::copy_bidirectional(&mut plain, &mut tls).await);
                    });
                }
            });
        });
        address
    }
}

#[test]
fn bytes_on_the_wire_are_as_without_it() {
    for twin in twins() {
        let (_service, tls) = ONE.start(&twin);
        for version in [&TLS12, &TLS13] {
            let failed = cache_server::wire(ONE.bridge(tls, version), Subject::Twin)
                .into_iter()
                .filter_map(|check| Some(format!("{}: {:#}", check.name, check.outcome.err()?)));
            let failed: Vec<String> = failed.collect();
            assert!(failed.is_empty(), "{}: {}", twin.display(), failed.join("\n"));
        }
    }
}

#[test]
fn redis_cli() {
    if !is_here("redis-cli") {
        return;
    }
    for twin in twins() {
        let (_service, tls) = ONE.start(&twin);
        let cli = |authority: &Certificate, arguments: &[&str]| -> Output {
            let port = tls.port().to_string();
            let tls = ["-h", "127.0.0.1", "-p", &port, "--tls", "--cacert", authority.file];
            Command::new("redis-cli").args(tls).args(arguments).output().unwrap()
        };
        for (arguments, reply) in
            [(&["SET", "greeting", "hello"][..], "OK\n"), (&["-3", "GET", "greeting"], "hello\n")]
        {
            let output = cli(&ONE, arguments);
            assert_eq!(String::from_utf8_lossy(&output.stdout), reply, "{arguments:?}: {output:?}");
        }
        let refused = cli(&OTHER, &["PING"]);
        assert!(!refused.status.success(), "with somebody else's certificate: {refused:?}");
    }
}

#[test]
fn redis_py_over_tls() {
    let Some(python) = redis_py() else { return };
    for twin in twins() {
        let (_service, tls) = ONE.start(&twin);
        let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/redis_py.py");
        let port = tls.port().to_string();
        let output = Command::new(&python).args([script, &port, ONE.file]).output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    }
}

#[test]
fn what_cannot_be_used_is_named() {
    for twin in twins() {
        let run = |arguments: &[&str]| {
            let listen = ["--listen", "127.0.0.1:0", "--tls-listen", "127.0.0.1:0"];
            let output = Command::new(&twin).args(listen).args(arguments).output().unwrap();
            (output.status.code(), String::from_utf8_lossy(&output.stderr).into_owned())
        };
        let Certificate { file, key } = ONE;
        for (certificate, key, fault) in [
            ("nowhere.pem", key, "nowhere.pem"),
            (file, "nowhere.pem", "nowhere.pem"),
            // Files that are there, and something else.
            (key, key, key),
            (file, file, file),
            (file, OTHER.key, OTHER.key),
        ] {
            let (code, message) = run(&["--tls-cert", certificate, "--tls-key", key]);
            assert_eq!(code, Some(1), "{message}");
            assert!(message.contains(fault), "{fault} is not in {message}");
        }
        for half in [&[][..], &["--tls-cert", file], &["--tls-key", key]] {
            let (code, message) = run(half);
            assert_eq!(code, Some(2), "{half:?}");
            assert!(message.contains("-tls-key go together"), "{message}");
        }
    }
}
