/* What the load generator and the sink share: a byte stream over TCP or TLS, and little helpers. */
#ifndef BENCH_WIRE_H
#define BENCH_WIRE_H

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

#ifdef WITH_TLS
#include <openssl/err.h>
#include <openssl/ssl.h>
#endif

typedef struct {
    int fd;
#ifdef WITH_TLS
    SSL *ssl;
#endif
} stream;

static inline double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

static inline uint32_t be32(const unsigned char *p)
{
    return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

static inline uint32_t le32(const unsigned char *p)
{
    return (uint32_t)p[3] << 24 | (uint32_t)p[2] << 16 | (uint32_t)p[1] << 8 | p[0];
}

static inline unsigned le16(const unsigned char *p) { return (unsigned)p[1] << 8 | p[0]; }

static inline void put_be32(unsigned char *p, uint32_t v)
{
    p[0] = (unsigned char)(v >> 24);
    p[1] = (unsigned char)(v >> 16);
    p[2] = (unsigned char)(v >> 8);
    p[3] = (unsigned char)v;
}

static inline void put_le32(unsigned char *p, uint32_t v)
{
    p[0] = (unsigned char)v;
    p[1] = (unsigned char)(v >> 8);
    p[2] = (unsigned char)(v >> 16);
    p[3] = (unsigned char)(v >> 24);
}

/* Bytes read, 0 at the end of the stream, -1 on an error or a timeout. */
static inline ssize_t stream_read(stream *s, void *buffer, size_t size)
{
#ifdef WITH_TLS
    if (s->ssl) {
        int n = SSL_read(s->ssl, buffer, size > 1 << 30 ? 1 << 30 : (int)size);
        if (n > 0)
            return n;
        return SSL_get_error(s->ssl, n) == SSL_ERROR_ZERO_RETURN ? 0 : -1;
    }
#endif
    ssize_t n;
    do
        n = recv(s->fd, buffer, size, 0);
    while (n < 0 && errno == EINTR);
    return n;
}

/* 0 when everything was sent. */
static inline int stream_write(stream *s, const unsigned char *data, size_t size)
{
    while (size) {
        ssize_t n;
#ifdef WITH_TLS
        if (s->ssl) {
            n = SSL_write(s->ssl, data, size > 1 << 30 ? 1 << 30 : (int)size);
            if (n <= 0)
                return -1;
        } else
#endif
        {
            n = send(s->fd, data, size, MSG_NOSIGNAL);
            if (n < 0 && errno == EINTR)
                continue;
            if (n <= 0)
                return -1;
        }
        data += n;
        size -= (size_t)n;
    }
    return 0;
}

static inline int read_exactly(stream *s, unsigned char *p, size_t size)
{
    while (size) {
        ssize_t n = stream_read(s, p, size);
        if (n <= 0)
            return -1;
        p += n;
        size -= (size_t)n;
    }
    return 0;
}

static inline void stream_close(stream *s)
{
#ifdef WITH_TLS
    if (s->ssl) {
        SSL_shutdown(s->ssl);
        SSL_free(s->ssl);
        s->ssl = NULL;
    }
#endif
    if (s->fd >= 0)
        close(s->fd);
    s->fd = -1;
}

#endif
