# Made from the option table by `python -m dcmrecv.cli.generate`; do not edit.
complete -c dcmrecv -f
function __dcmrecv_words
    set -l current (commandline -ct)
    set -l words (commandline -opc)
    if string match -q '@*' -- $current
        printf '@%s\n' (__fish_complete_path (string sub -s 2 -- $current))
    else if contains -- "$words[-2]" -xf --config-file
        if test "$words[-1]" = storescp.cfg; and not test -e storescp.cfg
            printf '%s\n' Default AllDICOM
        else if test -r "$words[-1]"
            sed -n '/^\[\[ *[Pp]rofiles/,$s/^\[\([^][]*\)\].*/\1/p' -- $words[-1]
        end
    end
end
complete -c dcmrecv -a '(__dcmrecv_words)'
complete -c dcmrecv -s h -l help -d 'print this help text and exit'
complete -c dcmrecv -l version -d 'print version information and exit'
complete -c dcmrecv -l arguments -d 'print expanded command line arguments'
complete -c dcmrecv -s q -l quiet -d 'quiet mode, print no warnings and errors'
complete -c dcmrecv -s v -l verbose -d 'verbose mode, print processing details'
complete -c dcmrecv -s d -l debug -d 'debug mode, print debug information'
complete -c dcmrecv -o ll -l log-level -d '(fatal, error, warn, info, debug, trace) use level l for the logger' -r -a 'all trace debug info warn error fatal off'
complete -c dcmrecv -o lc -l log-config -d 'use config file f for the logger' -r -F
complete -c dcmrecv -l verbose-pc -d 'show presentation contexts in verbose mode'
complete -c dcmrecv -a '+v' -d 'show presentation contexts in verbose mode'
complete -c dcmrecv -o xf -l config-file -d 'use profile p from configuration file f' -r -F -a storescp.cfg
complete -c dcmrecv -o uca -l use-called-aetitle -d 'always respond with called AE title (default)'
complete -c dcmrecv -o aet -l aetitle -d 'set my AE title and check called AE title' -r
complete -c dcmrecv -o ta -l acse-timeout -d 'timeout for ACSE messages' -r
complete -c dcmrecv -o td -l dimse-timeout -d 'timeout for DIMSE messages' -r
complete -c dcmrecv -o pdu -l max-pdu -d 'set max receive pdu to n bytes (default: 16384)' -r
complete -c dcmrecv -o dhl -l disable-host-lookup -d 'disable hostname lookup'
complete -c dcmrecv -o tls -l disable-tls -d 'use normal TCP/IP connection (default)'
complete -c dcmrecv -l enable-tls -d 'use authenticated secure TLS connection' -r -F
complete -c dcmrecv -a '+tls' -d 'use authenticated secure TLS connection'
complete -c dcmrecv -l std-passwd -d 'prompt user to type password on stdin (default)'
complete -c dcmrecv -a '+ps' -d 'prompt user to type password on stdin (default)'
complete -c dcmrecv -l use-passwd -d 'use specified password' -r
complete -c dcmrecv -a '+pw' -d 'use specified password'
complete -c dcmrecv -o pw -l null-passwd -d 'use empty string as password'
complete -c dcmrecv -o pem -l pem-keys -d 'read keys and certificates as PEM file (default)'
complete -c dcmrecv -o der -l der-keys -d 'read keys and certificates as DER file'
complete -c dcmrecv -l add-cert-file -d 'add certificate file to list of certificates' -r -F
complete -c dcmrecv -a '+cf' -d 'add certificate file to list of certificates'
complete -c dcmrecv -l add-cert-dir -d 'add certificates in d to list of certificates' -r -a '(__fish_complete_directories)'
complete -c dcmrecv -a '+cd' -d 'add certificates in d to list of certificates'
complete -c dcmrecv -l add-crl-file -d 'add certificate revocation list file (implies --enable-crl-vfy)' -r -F
complete -c dcmrecv -a '+crl' -d 'add certificate revocation list file (implies --enable-crl-vfy)'
complete -c dcmrecv -l enable-crl-vfy -d 'enable leaf CRL verification'
complete -c dcmrecv -a '+crv' -d 'enable leaf CRL verification'
complete -c dcmrecv -l enable-crl-all -d 'enable full chain CRL verification'
complete -c dcmrecv -a '+cra' -d 'enable full chain CRL verification'
complete -c dcmrecv -l profile-8996 -d 'BCP 195 RFC 8996 TLS Profile (default)'
complete -c dcmrecv -a '+pg' -d 'BCP 195 RFC 8996 TLS Profile (default)'
complete -c dcmrecv -l profile-bcp195-nd -d 'Non-downgrading BCP 195 TLS Profile (retired)'
complete -c dcmrecv -a '+py' -d 'Non-downgrading BCP 195 TLS Profile (retired)'
complete -c dcmrecv -l profile-bcp195 -d 'BCP 195 TLS Profile (retired)'
complete -c dcmrecv -a '+px' -d 'BCP 195 TLS Profile (retired)'
complete -c dcmrecv -l profile-bcp195-ex -d 'Extended BCP 195 TLS Profile (retired)'
complete -c dcmrecv -a '+pz' -d 'Extended BCP 195 TLS Profile (retired)'
complete -c dcmrecv -l profile-aes -d 'AES TLS Secure Transport Connection Profile (retired)'
complete -c dcmrecv -a '+pa' -d 'AES TLS Secure Transport Connection Profile (retired)'
complete -c dcmrecv -l profile-null -d 'Authenticated unencrypted communication (retired, was used in IHE ATNA)'
complete -c dcmrecv -a '+pn' -d 'Authenticated unencrypted communication (retired, was used in IHE ATNA)'
complete -c dcmrecv -l list-ciphers -d 'show list of supported TLS ciphersuites and exit'
complete -c dcmrecv -a '+cc' -d 'show list of supported TLS ciphersuites and exit'
complete -c dcmrecv -l cipher -d 'add ciphersuite to list of negotiated suites (not with --profile-bcp195-ex)' -r -a '(dcmrecv --list-ciphers 2>/dev/null | string match -r "^  .*" | string trim)'
complete -c dcmrecv -a '+cs' -d 'add ciphersuite to list of negotiated suites (not with --profile-bcp195-ex)'
complete -c dcmrecv -l dhparam -d 'read DH parameters for DH/DSS ciphersuites' -r -F
complete -c dcmrecv -a '+dp' -d 'read DH parameters for DH/DSS ciphersuites'
complete -c dcmrecv -l no-sni -d 'do not use SNI (default)'
complete -c dcmrecv -l expect-sni -d 'expect requests for server name s' -r
complete -c dcmrecv -l seed -d 'seed random generator with contents of f' -r -F
complete -c dcmrecv -a '+rs' -d 'seed random generator with contents of f'
complete -c dcmrecv -l write-seed -d 'write back modified seed (only with --seed)'
complete -c dcmrecv -a '+ws' -d 'write back modified seed (only with --seed)'
complete -c dcmrecv -l write-seed-file -d 'write modified seed to file f' -r -F
complete -c dcmrecv -a '+wf' -d 'write modified seed to file f'
complete -c dcmrecv -o rc -l require-peer-cert -d 'verify peer certificate, fail if absent (default)'
complete -c dcmrecv -o vc -l verify-peer-cert -d 'verify peer certificate if present'
complete -c dcmrecv -o ic -l ignore-peer-cert -d 'don\'t verify peer certificate'
complete -c dcmrecv -o od -l output-directory -d 'write received objects to existing directory d' -r -a '(__fish_complete_directories)'
complete -c dcmrecv -s s -l no-subdir -d 'do not generate any subdirectories (default)'
complete -c dcmrecv -l series-date-subdir -d 'generate subdirectories from series date'
complete -c dcmrecv -a '+ssd' -d 'generate subdirectories from series date'
complete -c dcmrecv -l default-filenames -d 'generate filename from instance UID (default)'
complete -c dcmrecv -a '+fd' -d 'generate filename from instance UID (default)'
complete -c dcmrecv -l unique-filenames -d 'generate unique filename based on new UID'
complete -c dcmrecv -a '+fu' -d 'generate unique filename based on new UID'
complete -c dcmrecv -l short-unique-names -d 'generate short pseudo-random unique filename'
complete -c dcmrecv -a '+fsu' -d 'generate short pseudo-random unique filename'
complete -c dcmrecv -l system-time-names -d 'generate filename from current system time'
complete -c dcmrecv -a '+fst' -d 'generate filename from current system time'
complete -c dcmrecv -o fe -l filename-extension -d 'append e to all generated filenames' -r
complete -c dcmrecv -s B -l normal -d 'allow implicit format conversions (default)'
complete -c dcmrecv -l bit-preserving -d 'write dataset exactly as received'
complete -c dcmrecv -a '+B' -d 'write dataset exactly as received'
complete -c dcmrecv -l ignore -d 'ignore dataset, receive but do not store it'
complete -c dcmrecv -l accept-all -d 'accept all storage classes and transfer syntaxes (not with --config-file)'
complete -c dcmrecv -l workers -d 'share the port among n processes' -r
complete -c dcmrecv -l max-associations -d 'let further connections wait in the listen queue' -r
complete -c dcmrecv -l grace -d 'time to finish running transfers after SIGTERM' -r
complete -c dcmrecv -l fsync -d 'report success only when the object is on disk'
complete -c dcmrecv -l min-free-space -d 'answer "out of resources" when less would stay free' -r
complete -c dcmrecv -l spool -d 'append a JSON line per stored object to files in d' -r -a '(__fish_complete_directories)'
complete -c dcmrecv -l log-json -d 'write log messages as JSON, one object per line'
complete -c dcmrecv -l metrics-port -d 'serve Prometheus metrics and /healthz over HTTP' -r
complete -c dcmrecv -l metrics-address -d 'address to serve metrics on' -r
complete -c dcmrecv -o i4 -l ipv4 -d 'use IPv4 only (default)'
complete -c dcmrecv -o i6 -l ipv6 -d 'use IPv6 only'
complete -c dcmrecv -o i0 -l ip-auto -d 'use IPv6 and IPv4 on one socket'
complete -c dcmrecv -l list-profiles -d 'list supported TLS profiles and exit'
complete -c dcmrecv -a '+ph' -d 'list supported TLS profiles and exit'
complete -c dcmrecv -l profile-8996-mod -d 'Modified BCP 195 RFC 8996 TLS Profile'
complete -c dcmrecv -a '+pm' -d 'Modified BCP 195 RFC 8996 TLS Profile'
complete -c dcmrecv -l profile-basic -d 'Basic TLS Secure Transport Connection Profile (retired)'
complete -c dcmrecv -a '+pb' -d 'Basic TLS Secure Transport Connection Profile (retired)'
