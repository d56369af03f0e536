//! The async shell: proxy, recorder, TLS, simulated peers, real clock. The only module with sockets.
