%% The program of a measured BEAM: one run of one row, as child.ts and
%% inside/measure.ts do it for the other runtimes.
%%
%%     erl ... -run bench_main main MODULE ROW WARMUP_MS TIMED_MS SIZE_DIVISOR
%%
%% prints the figures as one line of JSON.
-module(bench_main).
-export([main/1, measure/4, measure/5, measure_from/5, measure_exactly/6]).
-export([size/2, percentiles/1, wait_until_gone/1, start_node/2]).

%% Units of the first run.
-define(FIRST_UNITS, 100).
-define(GROWTH_MAX, 8).

main([Module, Row | Numbers]) ->
    spawn(fun end_with_parent/0),
    Plan = list_to_tuple([list_to_integer(Number) || Number <- Numbers]),
    Figures = (list_to_atom(Module)):run(Row, Plan),
    io:format("{~s}~n", [lists:join(",", [
        io_lib:format("\"~s\":~s", [Key, number(Value)])
     || {Key, Value} <- Figures
    ])]),
    halt(0).

%% The runner holds the other end of the standard input.
end_with_parent() ->
    case io:get_line("") of
        eof -> halt(1);
        {error, _} -> halt(1);
        _ -> end_with_parent()
    end.

number(Value) when is_integer(Value) -> integer_to_list(Value);
number(Value) -> float_to_list(Value, [{decimals, 3}]).

measure(Plan, MaxCount, UnitsPerCount, Run) ->
    measure(Plan, MaxCount, UnitsPerCount, Run, fun() -> [] end).

%% Run is called with a count and returns when that many steps are done; Extra
%% is called once after the timed part and returns further figures.
measure(Plan, MaxCount, UnitsPerCount, Run, Extra) ->
    Count = warm_up(Plan, ?FIRST_UNITS / UnitsPerCount, MaxCount, Run),
    timed(Count, UnitsPerCount, Run, Extra).

%% The first run of the warm-up has First steps.
measure_from(Plan, First, MaxCount, Run, Extra) ->
    timed(warm_up(Plan, First, MaxCount, Run), 1, Run, Extra).

%% The timed part has exactly Count steps, the warm-up WarmUpMax at most; Before
%% is called once between the two.
measure_exactly(Plan, WarmUpMax, Count, Before, Run, Extra) ->
    warm_up(Plan, ?FIRST_UNITS, WarmUpMax, Run),
    Before(),
    timed(Count, 1, Run, Extra).

%% A size of the row's own, such as the length of a mailbox.
size({_WarmupMs, _TimedMs, SizeDivisor}, Full) ->
    ceil(Full / SizeDivisor).

timed(Count, UnitsPerCount, Run, Extra) ->
    ElapsedMs = time(Run, Count),
    [
        {rate, Count * UnitsPerCount / ElapsedMs * 1000},
        {count, Count},
        {elapsedMs, ElapsedMs}
        | Extra()
    ].

warm_up({WarmupMs, TimedMs, _SizeDivisor}, First, MaxCount, Run) ->
    Count = bounded(First, MaxCount),
    warm_up(Count, 0, MaxCount, WarmupMs, TimedMs, Run).

%% Before is the duration of the previous run if that was long enough, else 0.
warm_up(Count, Before, MaxCount, WarmupMs, TimedMs, Run) ->
    ElapsedMs = time(Run, Count),
    case ElapsedMs >= WarmupMs orelse Count =:= MaxCount of
        true when Before > 0 ->
            bounded(Count * TimedMs / min(Before, ElapsedMs), MaxCount);
        true ->
            warm_up(Count, ElapsedMs, MaxCount, WarmupMs, TimedMs, Run);
        false ->
            Wanted = 1.2 * WarmupMs / ElapsedMs,
            Factor = max(2, min(?GROWTH_MAX, Wanted)),
            warm_up(
                bounded(Count * Factor, MaxCount),
                0, MaxCount, WarmupMs, TimedMs, Run
            )
    end.

bounded(Count, MaxCount) ->
    max(1, min(MaxCount, ceil(Count))).

time(Run, Count) ->
    StartedAt = erlang:monotonic_time(),
    Run(Count),
    Elapsed = erlang:monotonic_time() - StartedAt,
    max(1.0e-6, erlang:convert_time_unit(Elapsed, native, nanosecond) / 1.0e6).

%% The figures of latencies, which are in the native unit of time.
percentiles(Latencies) ->
    Sorted = list_to_tuple(lists:sort(Latencies)),
    At = fun(Share) ->
        Native = element(ceil(Share * tuple_size(Sorted)), Sorted),
        erlang:convert_time_unit(Native, native, nanosecond) / 1000
    end,
    [
        {latencyUsP50, At(0.5)},
        {latencyUsP90, At(0.9)},
        {latencyUsP99, At(0.99)},
        {latencyUsP999, At(0.999)}
    ].

%% Starts another node, with the cookie and the code path of this one. Start is
%% start or start_link.
start_node(Start, Name) ->
    {ok, Peer, Node} = peer:Start(#{
        name => Name,
        host => "127.0.0.1",
        args => [
            "-pa", filename:dirname(code:which(?MODULE)),
            "-setcookie", atom_to_list(erlang:get_cookie()),
            "-start_epmd", "false",
            "-kernel", "inet_dist_use_interface", "{127,0,0,1}"
        ]
    }),
    {Peer, Node}.

%% Waits until at most Before processes are left. The last process to report may
%% do so while others still end on another scheduler.
wait_until_gone(Before) ->
    case erlang:system_info(process_count) > Before of
        true ->
            erlang:yield(),
            wait_until_gone(Before);
        false ->
            ok
    end.
