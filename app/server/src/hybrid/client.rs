//! Asking the services over HTTP.

use std::{net::SocketAddr, time::Duration};

use axum::{
    body::Bytes,
    http::{Request, StatusCode, header},
};
use http_body_util::{BodyExt, Full, Limited};
use hyper::client::conn::http1::{SendRequest, handshake};
use hyper_util::rt::TokioIo;
use tokio::{net::TcpStream, time};

const TIMEOUT: Duration = Duration::from_secs(5);
const BODY_BYTES_MAX: usize = 1024 * 1024;

type Fault = Box<dyn std::error::Error + Send + Sync>;

/// A connection to one service.
pub(super) struct Client {
    address: SocketAddr,
    sender: Option<SendRequest<Full<Bytes>>>,
}

impl Client {
    pub(super) fn new(address: SocketAddr) -> Self {
        Self { address, sender: None }
    }

    pub(super) async fn get(&mut self, path: &str) -> Result<String, Fault> {
        let request = Request::get(path).header(header::HOST, self.address.to_string());
        let (status, body) = self.ask(request.body(Full::default())?).await?;
        if status == StatusCode::OK { Ok(body) } else { Err(format!("{path}: {status}").into()) }
    }

    /// Posts JSON with a bearer token.
    pub(super) async fn post(
        &mut self,
        path: &str,
        token: &str,
        body: &'static str,
    ) -> Result<(), Fault> {
        let request = Request::post(path)
            .header(header::HOST, self.address.to_string())
            .header(header::AUTHORIZATION, format!("Bearer {token}"))
            .header(header::CONTENT_TYPE, "application/json")
            .body(Full::new(Bytes::from_static(body.as_bytes())))?;
        self.ask(request).await.map(drop)
    }

    /// On the kept connection, or a new one. After a failure the next question gets a new one.
    async fn ask(&mut self, request: Request<Full<Bytes>>) -> Result<(StatusCode, String), Fault> {
        let mut sender = match self.sender.take().filter(|sender| !sender.is_closed()) {
            Some(sender) => sender,
            None => {
                let stream = time::timeout(TIMEOUT, TcpStream::connect(self.address)).await??;
                stream.set_nodelay(true)?;
                let (sender, connection) = handshake(TokioIo::new(stream)).await?;
                tokio::spawn(connection);
                sender
            }
        };
        let exchange = async {
            sender.ready().await?;
            let answer = sender.send_request(request).await?;
            let status = answer.status();
            let body = Limited::new(answer.into_body(), BODY_BYTES_MAX).collect().await?.to_bytes();
            Ok::<_, Fault>((status, String::from_utf8_lossy(&body).into_owned()))
        };
        let answer = time::timeout(TIMEOUT, exchange).await??;
        self.sender = Some(sender);
        Ok(answer)
    }
}
