%% The shapes of etf.ts on the BEAM.
-module(bench_beam).
-export([run/2, term/0]).

-define(TERMS_MAX, 20_000_000).

run("etf-encode", Plan) ->
    Term = term(),
    bench_main:measure(Plan, ?TERMS_MAX, 1, fun(Count) ->
        encode_all(Count, Term)
    end);
run("etf-decode", Plan) ->
    Binary = term_to_binary(term(), [{minor_version, 2}]),
    bench_main:measure(Plan, ?TERMS_MAX, 1, fun(Count) ->
        decode_all(Count, Binary)
    end).

%% As term.ts has it.
term() ->
    #{
        id => 4711,
        kind => order,
        customer => <<"Ada Lovelace">>,
        total => 129.95,
        paid_at => 1_732_477_213_261_455_677,
        items => [{<<"sku-1042">>, 2}, {<<"sku-77">>, 1}],
        tags => [new, gift],
        key => <<159, 226, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14>>,
        reply_to => reply_to(),
        note => nil
    }.

%% A pid of another node.
reply_to() ->
    binary_to_term(<<
        131, 88, 119, 11, "a@127.0.0.1", 94:32, 0:32, 1_732_478_237:32
    >>).

encode_all(0, _Term) ->
    ok;
encode_all(N, Term) ->
    Binary = term_to_binary(Term, [{minor_version, 2}]),
    true = is_binary(Binary),
    encode_all(N - 1, Term).

decode_all(0, _Binary) ->
    ok;
decode_all(N, Binary) ->
    Term = binary_to_term(Binary),
    true = is_map(Term),
    decode_all(N - 1, Binary).
