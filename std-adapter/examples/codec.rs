//! Frames as a tokio codec, at both ends. `cargo run --package unstick-std --example codec`

use futures_util::{SinkExt as _, StreamExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio_util::codec::Framed;
use unstick_std::codec::{CodecError, Frame, FrameCodec};

/// Sends every frame back, through the two halves of a connection.
async fn serve(listener: TcpListener) -> Result<(), CodecError> {
    let (stream, _) = listener.accept().await?;
    let (sink, frames) = Framed::new(stream, FrameCodec::default()).split();
    let answers = frames.map(|frame| match frame? {
        Frame::Whole(payload) => Ok(payload.to_ascii_uppercase().into()),
        Frame::Skipped { declared } => Ok(format!("{declared} bytes are too many").into()),
    });
    answers.forward(sink).await
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn core::error::Error>> {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let address = listener.local_addr()?;
    let server = tokio::spawn(serve(listener));

    let mut frames = Framed::new(TcpStream::connect(address).await?, FrameCodec::default());
    for text in ["hello", "", "what was sent apart stays apart"] {
        frames.feed(text.into()).await?;
    }
    frames.flush().await?; // the three stick together on their way
    for _ in 0..3 {
        let frame = frames.next().await.ok_or("the peer has closed")??;
        println!("{:?}", String::from_utf8_lossy(frame.as_ref()));
    }
    drop(frames);
    server.await??;
    Ok(())
}
