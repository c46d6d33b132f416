%% The shapes of local.ts on the BEAM: processes of one node. Handler actors
%% and function actors both become plain processes. A process that loops needs
%% no batches here, because the BEAM interrupts it.
-module(bench_local).
-behaviour(gen_server).
-export([run/2]).
-export([init/1, handle_call/3, handle_cast/2]).

-define(RING_SIZE, 1000).
-define(BURST_SIZE, 100_000).
-define(QUEUE_SIZE, 1_000_000).
-define(CROWD_SIZE, 1_000_000).
-define(CROWD_WARM_UP_MAX, 10_000).
-define(LINKED, 100_000).
-define(FEW_LINKED, 1_000).
-define(LEAVES, 1_000_000).
-define(SKYNETS_MAX, 1_000).
-define(CHILDREN, 10).
-define(TIMERS, 100_000).
-define(ROUNDS, 5).
-define(HOUR_MS, 3_600_000).
%% Multiples of it, modulo an hour, are spread well.
-define(GOLDEN_MS, 2_224_919).

run("handler-ping-pong", Plan) -> ping_pong(Plan, 50_000_000);
run("receive-ping-pong", Plan) -> ping_pong(Plan, 20_000_000);
run("handler-one-way", Plan) -> one_way(Plan);
run("receive-one-way", Plan) -> one_way(Plan);
run("ring-1000", Plan) -> ring(Plan);
run("burst-100k", Plan) -> burst(Plan);
run("receive-burst-100k", Plan) -> burst(Plan);
run("ref-behind-1m", Plan) -> by_ref(Plan);
run("call-behind-1m", Plan) -> calls(Plan);
run("spawn", Plan) -> spawns(Plan, fun spawn_returning/0);
run("spawn-handler", Plan) -> spawns(Plan, fun spawn_stopping/0);
run("idle-handler-1m", Plan) -> idle(Plan);
run("idle-function-1m", Plan) -> idle(Plan);
run("mass-exit-100k", Plan) -> mass_exit(Plan);
run("skynet", Plan) -> skynets(Plan);
run("timers-100k", Plan) -> one_more_timer(Plan);
run("timers-all-100k", Plan) -> all_timers(Plan).

%% One message between two processes, and neither is the one that measures.
ping_pong(Plan, MaxCount) ->
    bench_main:measure(Plan, MaxCount, 2, fun(Count) ->
        Owner = self(),
        spawn(fun() ->
            Ping = self(),
            Pong = spawn(fun() -> pong(Ping) end),
            ping(Count, Pong),
            exit(Pong, shutdown),
            Owner ! done
        end),
        receive done -> ok end
    end).

ping(0, _Pong) ->
    ok;
ping(N, Pong) ->
    Pong ! {ball, N},
    receive {ball, N} -> ping(N - 1, Pong) end.

pong(Ping) ->
    receive
        {ball, N} ->
            Ping ! {ball, N},
            pong(Ping)
    end.

one_way(Plan) ->
    bench_main:measure(Plan, 20_000_000, 1, fun(Count) ->
        Owner = self(),
        Receiver = spawn(fun() ->
            count(Count),
            Owner ! done
        end),
        spawn(fun() -> send_all(Count, Receiver) end),
        receive done -> ok end
    end).

count(0) ->
    ok;
count(N) ->
    receive {ball, _} -> count(N - 1) end.

send_all(0, _Receiver) ->
    ok;
send_all(N, Receiver) ->
    Receiver ! {ball, N},
    send_all(N - 1, Receiver).

ring(Plan) ->
    Owner = self(),
    Last = spawn(fun() ->
        receive {first, First} -> member(First, Owner) end
    end),
    First = lists:foldl(
        fun(_, Next) -> spawn(fun() -> member(Next, Owner) end) end,
        Last,
        lists:seq(2, ?RING_SIZE)
    ),
    Last ! {first, First},
    bench_main:measure(Plan, 50_000_000, 1, fun(Count) ->
        First ! Count,
        receive done -> ok end
    end).

member(Next, Owner) ->
    receive
        0 -> Owner ! done;
        Hops -> Next ! Hops - 1
    end,
    member(Next, Owner).

%% The receiver is suspended while it is sent a burst, because it would take
%% the first messages on another scheduler before the last are sent.
burst(Plan) ->
    Size = bench_main:size(Plan, ?BURST_SIZE),
    Steady = one_way(Plan),
    Burst = bench_main:measure(Plan, 1_000, Size, fun(Count) ->
        Owner = self(),
        Receiver = spawn(fun() -> count_bursts(Size, Owner) end),
        send_bursts(Count, Size, Receiver),
        exit(Receiver, shutdown)
    end),
    with_slowdown(Burst, Steady).

count_bursts(Size, Owner) ->
    count(Size),
    Owner ! done,
    count_bursts(Size, Owner).

send_bursts(0, _Size, _Receiver) ->
    ok;
send_bursts(Count, Size, Receiver) ->
    true = erlang:suspend_process(Receiver),
    send_all(Size, Receiver),
    true = erlang:resume_process(Receiver),
    receive done -> ok end,
    send_bursts(Count - 1, Size, Receiver).

%% How many times as long as in Base each unit took.
with_slowdown(Figures, Base) ->
    Slowdown = proplists:get_value(rate, Base) /
        proplists:get_value(rate, Figures),
    Figures ++ [{slowdown, Slowdown}].

by_ref(Plan) ->
    Other = spawn(fun answer/0),
    behind_many(Plan, fun(Count) -> ask(Count, Other) end).

ask(0, _Other) ->
    ok;
ask(N, Other) ->
    Ref = make_ref(),
    Other ! {ask, self(), Ref},
    receive {answer, Ref} -> ok end,
    ask(N - 1, Other).

answer() ->
    receive {ask, From, Ref} -> From ! {answer, Ref} end,
    answer().

calls(Plan) ->
    {ok, Server} = gen_server:start(?MODULE, [], []),
    behind_many(Plan, fun(Count) -> call(Count, Server) end).

call(0, _Server) ->
    ok;
call(N, Server) ->
    N = gen_server:call(Server, N),
    call(N - 1, Server).

init([]) -> {ok, none}.
handle_call(N, _From, State) -> {reply, N, State}.
handle_cast(_, State) -> {noreply, State}.

%% Runs with an empty mailbox, then with one full of other messages.
behind_many(Plan, Run) ->
    Empty = bench_main:measure(Plan, 5_000_000, 1, Run),
    send_all(bench_main:size(Plan, ?QUEUE_SIZE), self()),
    with_slowdown(bench_main:measure(Plan, 5_000_000, 1, Run), Empty).

spawns(Plan, Spawn) ->
    bench_main:measure(Plan, 5_000_000, 1, fun(Count) ->
        Owner = self(),
        Before = erlang:system_info(process_count),
        spawn_all(Count - 1, Spawn),
        spawn(fun() -> Owner ! done end),
        receive done -> ok end,
        bench_main:wait_until_gone(Before)
    end).

spawn_all(0, _Spawn) ->
    ok;
spawn_all(N, Spawn) ->
    Spawn(),
    spawn_all(N - 1, Spawn).

spawn_returning() ->
    spawn(fun() -> ok end).

spawn_stopping() ->
    spawn(fun wait_for_go/0) ! go_on.

wait_for_go() ->
    receive go_on -> ok end.

%% Processes that are linked to one, which ends.
mass_exit(Plan) ->
    Few = mass_exit(Plan, ?FEW_LINKED),
    with_slowdown(mass_exit(Plan, ?LINKED), Few).

mass_exit(Plan, Full) ->
    Size = bench_main:size(Plan, Full),
    bench_main:measure(Plan, 10_000, Size, fun(Count) ->
        exit_rounds(Count, Size)
    end).

exit_rounds(0, _Size) ->
    ok;
exit_rounds(Count, Size) ->
    Before = erlang:system_info(process_count),
    {_, Ref} = spawn_monitor(fun() ->
        spawn_all(Size, fun() -> spawn_link(fun wait_for_go/0) end),
        exit(shutdown)
    end),
    receive {'DOWN', Ref, process, _, shutdown} -> ok end,
    bench_main:wait_until_gone(Before),
    exit_rounds(Count - 1, Size).

idle(Plan) ->
    Size = bench_main:size(Plan, ?CROWD_SIZE),
    bench_main:measure_exactly(
        Plan,
        bench_main:size(Plan, ?CROWD_WARM_UP_MAX),
        Size,
        fun() -> put(before, erlang:memory(processes)) end,
        fun(Count) ->
            spawn_all(Count, fun() -> spawn(fun wait_for_go/0) end),
            wait_until_idle()
        end,
        fun() ->
            Bytes = erlang:memory(processes) - get(before),
            [{bytesHeap, Bytes / Size}]
        end
    ).

wait_until_idle() ->
    case erlang:statistics(total_run_queue_lengths) of
        0 ->
            ok;
        _ ->
            erlang:yield(),
            wait_until_idle()
    end.

%% A tree of processes whose leaves tell their numbers up to the root.
skynets(Plan) ->
    Leaves = bench_main:size(Plan, ?LEAVES),
    Levels = round(math:log10(Leaves)),
    Size = round(math:pow(?CHILDREN, Levels)),
    Sum = Size * (Size - 1) div 2,
    bench_main:measure(Plan, ?SKYNETS_MAX, Size, fun(Count) ->
        [Sum = skynet(Levels) || _ <- lists:seq(1, Count)]
    end).

skynet(Levels) ->
    Owner = self(),
    Ref = make_ref(),
    spawn(fun() -> Owner ! {Ref, skynet(0, Levels)} end),
    receive {Ref, Sum} -> Sum end.

skynet(Number, 0) ->
    Number;
skynet(First, Levels) ->
    Parent = self(),
    Size = round(math:pow(?CHILDREN, Levels - 1)),
    [
        spawn(fun() -> Parent ! skynet(First + I * Size, Levels - 1) end)
     || I <- lists:seq(0, ?CHILDREN - 1)
    ],
    add(?CHILDREN, 0).

add(0, Sum) ->
    Sum;
add(Left, Sum) ->
    receive Part -> add(Left - 1, Sum + Part) end.

%% All timers but one live on; that one is set and cancelled.
one_more_timer(Plan) ->
    set_timers(bench_main:size(Plan, ?TIMERS)),
    with_ns_each(bench_main:measure(Plan, 5_000_000, 2, fun set_and_cancel/1)).

set_and_cancel(0) ->
    ok;
set_and_cancel(N) ->
    erlang:cancel_timer(set_timer(N)),
    set_and_cancel(N - 1).

%% All are set and then all are cancelled. A step is one of either.
all_timers(Plan) ->
    Round = 2 * bench_main:size(Plan, ?TIMERS),
    with_ns_each(bench_main:measure_exactly(
        Plan,
        Round,
        ?ROUNDS * Round,
        fun() -> ok end,
        fun(Count) -> rounds(Count, Round) end,
        fun() -> [] end
    )).

rounds(0, _Round) ->
    ok;
rounds(Left, Round) ->
    Now = min(Left, Round),
    [erlang:cancel_timer(Ref) || Ref <- set_timers(Now div 2)],
    rounds(Left - Now, Round).

set_timers(Size) ->
    [set_timer(N) || N <- lists:seq(1, Size)].

%% In an hour or two, and in no order, which would be too easy.
set_timer(N) ->
    erlang:start_timer(?HOUR_MS + N * ?GOLDEN_MS rem ?HOUR_MS, self(), late).

with_ns_each(Figures) ->
    Figures ++ [{nsEach, 1.0e9 / proplists:get_value(rate, Figures)}].
