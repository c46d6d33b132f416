%% The shapes of local.ts on the BEAM: processes of one node. Handler actors
%% and function actors both become plain processes. A process that loops needs
%% no batches here, because the BEAM interrupts it.
-module(bench_local).
-export([run/2]).

-define(RING_SIZE, 1000).

run("handler-ping-pong", Plan) -> ping_pong(Plan, 50_000_000);
run("receive-ping-pong", Plan) -> ping_pong(Plan, 20_000_000);
run("handler-one-way", Plan) -> one_way(Plan);
run("receive-one-way", Plan) -> one_way(Plan);
run("ring-1000", Plan) -> ring(Plan);
run("spawn", Plan) -> spawns(Plan).

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

spawns(Plan) ->
    bench_main:measure(Plan, 5_000_000, 1, fun(Count) ->
        Owner = self(),
        Before = erlang:system_info(process_count),
        spawn_all(Count - 1),
        spawn(fun() -> Owner ! done end),
        receive done -> ok end,
        wait_until_gone(Before)
    end).

spawn_all(0) ->
    ok;
spawn_all(N) ->
    spawn(fun() -> ok end),
    spawn_all(N - 1).

%% The last may tell while earlier ones wait on another scheduler.
wait_until_gone(Before) ->
    case erlang:system_info(process_count) > Before of
        true ->
            erlang:yield(),
            wait_until_gone(Before);
        false ->
            ok
    end.
