/* The limit: receives what a receiver would receive, writes it to files as it came, and answers.
 *
 * sink PORT DIRECTORY|- [KEY CERTIFICATE]
 *
 * One thread per connection (256 at most), one recv for many PDUs, one write per recv, one file per object (headers of PDUs
 * and PDVs included), no names, no checks, no rename. It accepts every context with its first transfer
 * syntax. DIRECTORY "-" discards. It only serves the load generator, which never pipelines messages.
 */
#include "wire.h"

#include <fcntl.h>
#include <pthread.h>
#include <signal.h>

enum { BUFFER_SIZE = 1 << 18, COMMAND_LIMIT = 4096, QUICK_LIMIT = 1 << 16, THREADS = 256 };

static const char *directory;
static unsigned long counter;
#ifdef WITH_TLS
static SSL_CTX *context;
#endif

typedef struct {
    stream s;
    unsigned char header[6], command[COMMAND_LIMIT];
    unsigned have, pdv_header, in_pdu, command_size, control, context_id, message_id, field, class_at,
        class_size, instance_at, instance_size, finished, released;
    uint32_t pdu_left, pdv_left;
    int file;
} association;

static int accept_association(association *a)
{
    unsigned char head[6], *body, answer[65536];
    if (read_exactly(&a->s, head, 6) || head[0] != 1)
        return -1;
    uint32_t length = be32(head + 2), at = 68, n = 74;
    if (length < 68 || length > 1 << 20 || !(body = malloc(length)))
        return -1;
    if (read_exactly(&a->s, body, length)) {
        free(body);
        return -1;
    }
    memset(answer, 0, sizeof answer);
    answer[0] = 2;
    memcpy(answer + 6, body, 68);
    while (at + 4 <= length && n < sizeof answer - 128) {
        uint32_t size = (uint32_t)body[at + 2] << 8 | body[at + 3], item = at + 4;
        if (item + size > length)
            break;
        if (body[at] == 0x10) {
            memcpy(answer + n, body + at, size + 4);
            n += size + 4;
        } else if (body[at] == 0x20) {
            uint32_t sub = item + 4, start = n;
            answer[n] = 0x21;
            answer[n + 4] = body[item];
            n += 8;
            while (sub + 4 <= item + size) {
                uint32_t sub_size = (uint32_t)body[sub + 2] << 8 | body[sub + 3];
                if (body[sub] == 0x40) {
                    memcpy(answer + n, body + sub, sub_size + 4);
                    n += sub_size + 4;
                    break;
                }
                sub += 4 + sub_size;
            }
            answer[start + 2] = (unsigned char)((n - start - 4) >> 8);
            answer[start + 3] = (unsigned char)(n - start - 4);
        }
        at = item + size;
    }
    static const unsigned char user[] = { 0x50, 0, 0, 21, 0x51, 0, 0, 4, 0, 2, 0, 0,
                                          0x52, 0, 0, 9, '1', '.', '2', '.', '3', '.', '4', '.', '5' };
    memcpy(answer + n, user, sizeof user);
    n += sizeof user;
    put_be32(answer + 2, n - 6);
    free(body);
    return stream_write(&a->s, answer, n);
}

static int respond(association *a)
{
    unsigned char p[COMMAND_LIMIT + 256];
    unsigned n = 24, size;
#define ELEMENT(number, length) \
    (memset(p + n, 0, 8), p[n + 2] = (unsigned char)(number), p[n + 3] = (unsigned char)((number) >> 8), \
     put_le32(p + n + 4, length), n += 8)
#define US(number, value) \
    (ELEMENT(number, 2), p[n] = (unsigned char)(value), p[n + 1] = (unsigned char)((value) >> 8), n += 2)
    ELEMENT(0x0002, a->class_size);
    memcpy(p + n, a->command + a->class_at, a->class_size);
    n += a->class_size;
    US(0x0100, a->field | 0x8000);
    US(0x0120, a->message_id);
    US(0x0800, 0x0101);
    US(0x0900, 0);
    if (a->instance_size) {
        ELEMENT(0x1000, a->instance_size);
        memcpy(p + n, a->command + a->instance_at, a->instance_size);
        n += a->instance_size;
    }
    size = n;
    n = 12;
    ELEMENT(0x0000, 4);
    put_le32(p + 20, size - 24);
    memset(p, 0, 12);
    p[0] = 4;
    put_be32(p + 2, size - 6);
    put_be32(p + 6, size - 10);
    p[10] = (unsigned char)a->context_id;
    p[11] = 3;
    return stream_write(&a->s, p, size);
}

static int command_complete(association *a)
{
    unsigned at = 0;
    a->instance_size = 0;
    while (at + 8 <= a->command_size) {
        uint32_t size = le32(a->command + at + 4);
        if (size > a->command_size - at - 8)
            return -1;
        switch (le16(a->command + at + 2)) {
        case 0x0002: a->class_at = at + 8; a->class_size = size; break;
        case 0x0100: a->field = le16(a->command + at + 8); break;
        case 0x0110: a->message_id = le16(a->command + at + 8); break;
        case 0x1000: a->instance_at = at + 8; a->instance_size = size; break;
        }
        at += 8 + size;
    }
    if (a->field == 0x0030)
        a->finished = 1;
    else if (directory) {
        char path[4200];
        snprintf(path, sizeof path, "%s/%lu", directory, __sync_fetch_and_add(&counter, 1ul));
        a->file = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0666);
        if (a->file < 0)
            return -1;
    }
    return 0;
}

/* Walks the headers in p[0..n); notes when a message is complete. */
static int walk(association *a, const unsigned char *p, size_t n)
{
    while (n) {
        if (!a->pdv_left) {
            size_t take = 6 - a->have;
            if (take > n)
                take = n;
            memcpy(a->header + a->have, p, take);
            a->have += (unsigned)take;
            p += take;
            n -= take;
            if (a->have < 6)
                return 0;
            a->have = 0;
            if (!a->in_pdu) {
                a->pdu_left = be32(a->header + 2);
                if (a->header[0] == 5) {
                    a->released = 1;
                    return 0;
                }
                if (a->header[0] != 4)
                    return -1;
                a->in_pdu = 1;
                continue;
            }
            uint32_t size = be32(a->header);
            if (size < 2 || size + 4 > a->pdu_left)
                return -1;
            a->pdu_left -= size + 4;
            a->context_id = a->header[4];
            a->control = a->header[5];
            a->pdv_left = size - 2;
            if (a->pdv_left)
                continue;
        }
        size_t take = a->pdv_left < n ? a->pdv_left : n;
        if (a->control & 1) {
            if (a->command_size + take > COMMAND_LIMIT)
                return -1;
            memcpy(a->command + a->command_size, p, take);
            a->command_size += (unsigned)take;
        }
        p += take;
        n -= take;
        a->pdv_left -= (uint32_t)take;
        if (!a->pdv_left) {
            if (!a->pdu_left)
                a->in_pdu = 0;
            if (a->control == 3) {
                if (command_complete(a))
                    return -1;
                a->command_size = 0;
                /* the identifiers stay readable: the next command starts over at the beginning */
            } else if (a->control == 2)
                a->finished = 1;
        }
    }
    return 0;
}

static void serve(association *a, unsigned char *buffer)
{
    static const unsigned char release[10] = { 6, 0, 0, 0, 0, 4, 0, 0, 0, 0 };
    a->file = -1;
#ifdef WITH_TLS
    if (context) {
        a->s.ssl = SSL_new(context);
        SSL_set_fd(a->s.ssl, a->s.fd);
        if (SSL_accept(a->s.ssl) != 1)
            goto done;
    }
#endif
    if (accept_association(a))
        goto done;
    for (;;) {
        ssize_t n = stream_read(&a->s, buffer, BUFFER_SIZE);
        if (n <= 0 || walk(a, buffer, (size_t)n))
            break;
#ifdef TCP_QUICKACK
        /* senders with Nagle on wait for the acknowledgement of their small writes; Linux forgets this option */
        if (!a->finished && n < QUICK_LIMIT) {
            int one = 1;
            setsockopt(a->s.fd, IPPROTO_TCP, TCP_QUICKACK, &one, sizeof one);
        }
#endif
        if (a->released) {
            stream_write(&a->s, release, sizeof release);
            break;
        }
        for (ssize_t done = 0; a->file >= 0 && done < n;) {
            ssize_t written = write(a->file, buffer + done, (size_t)(n - done));
            if (written <= 0)
                goto done;
            done += written;
        }
        if (a->finished) {
            a->finished = 0;
            if (a->file >= 0)
                close(a->file);
            a->file = -1;
            if (respond(a))
                break;
        }
    }
done:
    if (a->file >= 0)
        close(a->file);
    stream_close(&a->s);
}

/* Serves one connection after the other; many threads do so at the same listening socket. */
static void *serve_for_ever(void *listening)
{
    static const int one = 1;
    association *a = malloc(sizeof *a);
    unsigned char *buffer = malloc(BUFFER_SIZE);
    if (!a || !buffer)
        exit(1);
    for (;;) {
        memset(a, 0, sizeof *a);
        a->s.fd = accept(*(int *)listening, NULL, NULL);
        if (a->s.fd < 0)
            continue;
        setsockopt(a->s.fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
        serve(a, buffer);
    }
    return NULL;
}

int main(int argc, char **argv)
{
    if (argc != 3 && argc != 5)
        return 2;
    signal(SIGPIPE, SIG_IGN);
    directory = strcmp(argv[2], "-") ? argv[2] : NULL;
    if (argc == 5) {
#ifdef WITH_TLS
        context = SSL_CTX_new(TLS_server_method());
        SSL_CTX_set_mode(context, SSL_MODE_AUTO_RETRY);
        if (SSL_CTX_use_PrivateKey_file(context, argv[3], SSL_FILETYPE_PEM) != 1 ||
            SSL_CTX_use_certificate_file(context, argv[4], SSL_FILETYPE_PEM) != 1)
            return 2;
#else
        return 2;
#endif
    }
    int one = 1, fd = socket(AF_INET, SOCK_STREAM, 0);
    struct sockaddr_in address = { 0 };
    address.sin_family = AF_INET;
    address.sin_port = htons((uint16_t)atoi(argv[1]));
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
    if (fd < 0 || bind(fd, (struct sockaddr *)&address, sizeof address) || listen(fd, 256)) {
        perror("sink");
        return 1;
    }
    pthread_attr_t attributes;
    pthread_attr_init(&attributes);
    pthread_attr_setstacksize(&attributes, 1 << 18);
    for (int i = 1; i < THREADS; i++) {
        pthread_t thread;
        if (pthread_create(&thread, &attributes, serve_for_ever, &fd))
            return 1;
    }
    serve_for_ever(&fd);
    return 0;
}
