# Made from the option table by `python -m dcmrecv.cli.generate`; do not edit.

function __dcmrecv_profiles
    set -l words (commandline -opc)
    if test "$words[-1]" = storescp.cfg; and not test -e storescp.cfg
        printf '%s\n' Default AllDICOM
    else if test -r "$words[-1]"
        sed -n '/^\[\[ *[Pp]rofiles/,$s/^\[\([^][]*\)\].*/\1/p' -- $words[-1]
    end
end

# what can stand here as the value of an option; false if no value stands here
function __dcmrecv_values
    set -l words (commandline -opc)
    switch "$words[-2]"
        case -xf --config-file
            __dcmrecv_profiles
            return 0
        case +tls --enable-tls
            __fish_complete_path
            return 0
    end
    switch "$words[-1]"
        case -ll --log-level
            printf '%s\n' all trace debug info warn error fatal off
            return 0
        case -lc --log-config
            __fish_complete_path
            return 0
        case -xf --config-file
            begin; echo storescp.cfg; __fish_complete_path; end
            return 0
        case -aet --aetitle
            true
            return 0
        case -ta --acse-timeout
            true
            return 0
        case -td --dimse-timeout
            true
            return 0
        case -pdu --max-pdu
            true
            return 0
        case +tls --enable-tls
            __fish_complete_path
            return 0
        case +pw --use-passwd
            true
            return 0
        case +cf --add-cert-file
            __fish_complete_path
            return 0
        case +cd --add-cert-dir
            __fish_complete_directories
            return 0
        case +crl --add-crl-file
            __fish_complete_path
            return 0
        case +cs --cipher
            dcmrecv --list-ciphers 2>/dev/null | sed -n 's/^  //p'
            return 0
        case +dp --dhparam
            __fish_complete_path
            return 0
        case --expect-sni
            true
            return 0
        case +rs --seed
            __fish_complete_path
            return 0
        case +wf --write-seed-file
            __fish_complete_path
            return 0
        case -od --output-directory
            __fish_complete_directories
            return 0
        case -fe --filename-extension
            true
            return 0
        case --listen
            true
            return 0
        case --allow-calling
            true
            return 0
        case --allow-calling-file
            __fish_complete_path
            return 0
        case --allow-host
            true
            return 0
        case --allow-host-file
            __fish_complete_path
            return 0
        case --max-associations-per-host
            true
            return 0
        case --proxy-protocol
            true
            return 0
        case --workers
            true
            return 0
        case --max-associations
            true
            return 0
        case --grace
            true
            return 0
        case --min-free-space
            true
            return 0
        case --max-nesting
            true
            return 0
        case --spool
            __fish_complete_directories
            return 0
        case --metrics-port
            true
            return 0
        case --metrics-address
            true
            return 0
    end
    set -l current (commandline -ct)
    string match -q '@*' -- $current
    and printf '@%s\n' (__fish_complete_path (string sub -s 2 -- $current))
end

function __dcmrecv_words
    __dcmrecv_values; or printf '%s\t%s\n' \
        -h 'print this help text and exit' \
        --help 'print this help text and exit' \
        --version 'print version information and exit' \
        --arguments 'print expanded command line arguments' \
        -q 'quiet mode, print no warnings and errors' \
        --quiet 'quiet mode, print no warnings and errors' \
        -v 'verbose mode, print processing details' \
        --verbose 'verbose mode, print processing details' \
        -d 'debug mode, print debug information' \
        --debug 'debug mode, print debug information' \
        -ll '(fatal, error, warn, info, debug, trace) use level l for the logger' \
        --log-level '(fatal, error, warn, info, debug, trace) use level l for the logger' \
        -lc 'use config file f for the logger' \
        --log-config 'use config file f for the logger' \
        +v 'show presentation contexts in verbose mode' \
        --verbose-pc 'show presentation contexts in verbose mode' \
        -xf 'use profile p from configuration file f' \
        --config-file 'use profile p from configuration file f' \
        -uca 'always respond with called AE title (default)' \
        --use-called-aetitle 'always respond with called AE title (default)' \
        -aet 'set my AE title and check called AE title' \
        --aetitle 'set my AE title and check called AE title' \
        -ta 'timeout for ACSE messages' \
        --acse-timeout 'timeout for ACSE messages' \
        -td 'timeout for DIMSE messages' \
        --dimse-timeout 'timeout for DIMSE messages' \
        -pdu 'set max receive pdu to n bytes (default: 16384)' \
        --max-pdu 'set max receive pdu to n bytes (default: 16384)' \
        -dhl 'disable hostname lookup' \
        --disable-host-lookup 'disable hostname lookup' \
        -tls 'use normal TCP/IP connection (default)' \
        --disable-tls 'use normal TCP/IP connection (default)' \
        +tls 'use authenticated secure TLS connection' \
        --enable-tls 'use authenticated secure TLS connection' \
        +ps 'prompt user to type password on stdin (default)' \
        --std-passwd 'prompt user to type password on stdin (default)' \
        +pw 'use specified password' \
        --use-passwd 'use specified password' \
        -pw 'use empty string as password' \
        --null-passwd 'use empty string as password' \
        -pem 'read keys and certificates as PEM file (default)' \
        --pem-keys 'read keys and certificates as PEM file (default)' \
        -der 'read keys and certificates as DER file' \
        --der-keys 'read keys and certificates as DER file' \
        +cf 'add certificate file to list of certificates' \
        --add-cert-file 'add certificate file to list of certificates' \
        +cd 'add certificates in d to list of certificates' \
        --add-cert-dir 'add certificates in d to list of certificates' \
        +crl 'add certificate revocation list file (implies --enable-crl-vfy)' \
        --add-crl-file 'add certificate revocation list file (implies --enable-crl-vfy)' \
        +crv 'enable leaf CRL verification' \
        --enable-crl-vfy 'enable leaf CRL verification' \
        +cra 'enable full chain CRL verification' \
        --enable-crl-all 'enable full chain CRL verification' \
        +pg 'BCP 195 RFC 8996 TLS Profile (default)' \
        --profile-8996 'BCP 195 RFC 8996 TLS Profile (default)' \
        +py 'Non-downgrading BCP 195 TLS Profile (retired)' \
        --profile-bcp195-nd 'Non-downgrading BCP 195 TLS Profile (retired)' \
        +px 'BCP 195 TLS Profile (retired)' \
        --profile-bcp195 'BCP 195 TLS Profile (retired)' \
        +pz 'Extended BCP 195 TLS Profile (retired)' \
        --profile-bcp195-ex 'Extended BCP 195 TLS Profile (retired)' \
        +pa 'AES TLS Secure Transport Connection Profile (retired)' \
        --profile-aes 'AES TLS Secure Transport Connection Profile (retired)' \
        +pn 'Authenticated unencrypted communication (retired, was used in IHE ATNA)' \
        --profile-null 'Authenticated unencrypted communication (retired, was used in IHE ATNA)' \
        +cc 'show list of supported TLS ciphersuites and exit' \
        --list-ciphers 'show list of supported TLS ciphersuites and exit' \
        +cs 'add ciphersuite to list of negotiated suites (not with --profile-bcp195-ex)' \
        --cipher 'add ciphersuite to list of negotiated suites (not with --profile-bcp195-ex)' \
        +dp 'read DH parameters for DH/DSS ciphersuites' \
        --dhparam 'read DH parameters for DH/DSS ciphersuites' \
        --no-sni 'do not use SNI (default)' \
        --expect-sni 'expect requests for server name s' \
        +rs 'seed random generator with contents of f' \
        --seed 'seed random generator with contents of f' \
        +ws 'write back modified seed (only with --seed)' \
        --write-seed 'write back modified seed (only with --seed)' \
        +wf 'write modified seed to file f' \
        --write-seed-file 'write modified seed to file f' \
        -rc 'verify peer certificate, fail if absent (default)' \
        --require-peer-cert 'verify peer certificate, fail if absent (default)' \
        -vc 'verify peer certificate if present' \
        --verify-peer-cert 'verify peer certificate if present' \
        -ic 'don\'t verify peer certificate' \
        --ignore-peer-cert 'don\'t verify peer certificate' \
        -od 'write received objects to existing directory d' \
        --output-directory 'write received objects to existing directory d' \
        -s 'do not generate any subdirectories (default)' \
        --no-subdir 'do not generate any subdirectories (default)' \
        +ssd 'generate subdirectories from series date' \
        --series-date-subdir 'generate subdirectories from series date' \
        +fd 'generate filename from instance UID (default)' \
        --default-filenames 'generate filename from instance UID (default)' \
        +fu 'generate unique filename based on new UID' \
        --unique-filenames 'generate unique filename based on new UID' \
        +fsu 'generate short pseudo-random unique filename' \
        --short-unique-names 'generate short pseudo-random unique filename' \
        +fst 'generate filename from current system time' \
        --system-time-names 'generate filename from current system time' \
        -fe 'append e to all generated filenames' \
        --filename-extension 'append e to all generated filenames' \
        -B 'allow implicit format conversions (default)' \
        --normal 'allow implicit format conversions (default)' \
        +B 'write dataset exactly as received' \
        --bit-preserving 'write dataset exactly as received' \
        --ignore 'ignore dataset, receive but do not store it' \
        --accept-all 'accept all storage classes and transfer syntaxes (not with --config-file)' \
        --listen 'listen on this address alone; may be repeated' \
        --allow-calling 'accept this calling AE title alone; may be repeated' \
        --allow-calling-file 'accept the titles in f, one a line' \
        --allow-host 'serve this address or network alone; may be repeated' \
        --allow-host-file 'serve the addresses in f, one a line' \
        --max-associations-per-host 'refuse more associations of one address' \
        --proxy-protocol 'expect a PROXY protocol header from the load balancers there; may be repeated' \
        --workers 'share the port among n processes' \
        --max-associations 'let further connections wait in the listen queue' \
        --reload 'on SIGHUP read profile, lists, certificates, keys and CRLs again' \
        --grace 'time to finish running transfers after SIGTERM' \
        --fsync 'report success only when the object is on disk' \
        --min-free-space 'answer "out of resources" when less would stay free' \
        --max-nesting 'refuse data sets with more sequences in each other' \
        --spool 'append a JSON line per stored object to files in d' \
        --spool-sha256 'say the SHA-256 of each file in its line' \
        --log-json 'write log messages as JSON, one object per line' \
        --metrics-port 'serve Prometheus metrics and /healthz over HTTP' \
        --metrics-address 'address to serve metrics on' \
        --metrics-no-identifiers 'show no titles, peers and UIDs there' \
        -i4 'use IPv4 only (default)' \
        --ipv4 'use IPv4 only (default)' \
        -i6 'use IPv6 only' \
        --ipv6 'use IPv6 only' \
        -i0 'use IPv6 and IPv4 on one socket' \
        --ip-auto 'use IPv6 and IPv4 on one socket' \
        +ph 'list supported TLS profiles and exit' \
        --list-profiles 'list supported TLS profiles and exit' \
        +pm 'Modified BCP 195 RFC 8996 TLS Profile' \
        --profile-8996-mod 'Modified BCP 195 RFC 8996 TLS Profile' \
        +pb 'Basic TLS Secure Transport Connection Profile (retired)' \
        --profile-basic 'Basic TLS Secure Transport Connection Profile (retired)'
end

complete -c dcmrecv -f -a '(__dcmrecv_words)'
