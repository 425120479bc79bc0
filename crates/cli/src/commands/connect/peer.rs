//! Whether a connection on loopback comes from a process of our own user.
//!
//! EVASION: on a machine with several users, each of them could use the person's sign-in by connecting to the port
//! (a_socket_of_another_user_is_not_ours). The kernel names the owner of each socket in `/proc/net/tcp`. Where there is
//! no such file (not Linux) the question cannot be answered and everyone is let in, as with any local port forward.

use std::{
    fmt::Write as _,
    fs,
    net::{IpAddr, SocketAddr},
    os::unix::fs::MetadataExt,
};

use tokio::net::TcpStream;

/// Whether the other end of `socket` is a socket of our own user.
pub(crate) fn is_ours(socket: &TcpStream, from: SocketAddr) -> bool {
    let (Ok(us), Ok(to)) = (fs::metadata("/proc/self").map(|meta| meta.uid()), socket.local_addr()) else {
        return cfg!(not(target_os = "linux"));
    };
    let table = if from.is_ipv4() { "/proc/net/tcp" } else { "/proc/net/tcp6" };
    match fs::read_to_string(table) {
        Ok(table) => owner(&table, from, to) == Some(us),
        Err(_) => cfg!(not(target_os = "linux")),
    }
}

/// The user whose socket is bound to `local` and connected to `remote`.
fn owner(table: &str, local: SocketAddr, remote: SocketAddr) -> Option<u32> {
    let (local, remote) = (written(local), written(remote));
    table.lines().skip(1).find_map(|line| {
        let mut fields = line.split_ascii_whitespace().skip(1);
        (fields.next()? == local && fields.next()? == remote).then_some(())?;
        fields.nth(4)?.parse().ok()
    })
}

/// An address as the kernel writes it: words in the machine's byte order, the port as a number.
fn written(address: SocketAddr) -> String {
    let bytes = match address.ip() {
        IpAddr::V4(ip) => ip.octets().to_vec(),
        IpAddr::V6(ip) => ip.octets().to_vec(),
    };
    let mut text = String::with_capacity(40);
    for word in bytes.chunks_exact(4) {
        let word = u32::from_ne_bytes([word[0], word[1], word[2], word[3]]);
        // Writing to a string cannot fail.
        let _ = write!(text, "{word:08X}");
    }
    let _ = write!(text, ":{:04X}", address.port());
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    const TABLE: &str =
        "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode
   0: 0100007F:1538 0100007F:C350 01 00000000:00000000 00:00000000 00000000  1000        0 1 1
   1: 0100007F:C350 0100007F:1538 01 00000000:00000000 00:00000000 00000000  1001        0 2 1
";

    #[test]
    fn the_owner_is_that_of_the_clients_end() {
        let (server, client) = ("127.0.0.1:5432".parse().unwrap(), "127.0.0.1:50000".parse().unwrap());
        assert_eq!(owner(TABLE, client, server), Some(1001));
        assert_eq!(owner(TABLE, server, client), Some(1000));
        assert_eq!(owner(TABLE, client, client), None);
    }

    #[test]
    fn addresses_are_written_as_the_kernel_does() {
        assert_eq!(written("[::1]:80".parse().unwrap()), "00000000000000000000000001000000:0050");
    }

    #[tokio::test]
    async fn our_own_socket_is_ours() {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let _client = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
        let (socket, from) = listener.accept().await.unwrap();
        assert!(is_ours(&socket, from));
    }
}
