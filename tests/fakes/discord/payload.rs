//! Discord's objects as JSON, with the fields that captured events have.

use super::world::{Channel, ChannelKind, Message, User, World};
use serde_json::{Value, json};

pub fn user(user: &User) -> Value {
    json!({
        "id": user.id.to_string(),
        "username": user.name,
        "global_name": user.name,
        "discriminator": "0",
        "avatar": null,
        "avatar_decoration_data": null,
        "banner": null,
        "accent_color": null,
        "bot": user.bot,
        "system": false,
        "public_flags": 0,
        "flags": 0,
    })
}

pub fn member(member: &User) -> Value {
    let mut value = partial_member();
    value["user"] = user(member);
    value
}

fn partial_member() -> Value {
    json!({
        "roles": [],
        "nick": null,
        "avatar": null,
        "banner": null,
        "joined_at": "2024-02-27T19:50:51.701000+00:00",
        "premium_since": null,
        "deaf": false,
        "mute": false,
        "pending": false,
        "flags": 0,
        "communication_disabled_until": null,
    })
}

pub fn channel(channel: &Channel) -> Value {
    let mut value = json!({
        "id": channel.id.to_string(),
        "type": channel.kind.number(),
        "name": channel.name,
        "flags": 0,
        "last_message_id": null,
    });
    if let Some(guild) = channel.guild {
        value["guild_id"] = guild.to_string().into();
        value["parent_id"] = channel.parent.map(|parent| parent.to_string()).into();
        value["rate_limit_per_user"] = 0.into();
    }
    match channel.kind {
        ChannelKind::Direct => {
            value["recipients"] = json!([]);
        }
        ChannelKind::Thread => {
            value["owner_id"] = channel.owner.to_string().into();
            value["message_count"] = 0.into();
            value["member_count"] = 1.into();
            value["total_message_sent"] = 0.into();
            value["thread_metadata"] = json!({
                "archived": channel.archived,
                "locked": channel.locked,
                "auto_archive_duration": 1440,
                "archive_timestamp": "2026-02-14T02:17:22.812537+00:00",
                "create_timestamp": "2026-02-14T02:17:22.812537+00:00",
            });
        }
        _ => {
            value["position"] = 0.into();
            value["permission_overwrites"] = json!([]);
            value["topic"] = Value::Null;
            value["nsfw"] = false.into();
        }
    }
    value
}

/// A message as the gateway sends it; over HTTP it has neither guild nor member.
pub fn message(world: &World, message: &Message) -> Value {
    let author = world.user(message.author);
    let mut value = json!({
        "id": message.id.to_string(),
        "channel_id": message.channel.to_string(),
        "type": message.kind,
        "author": user(author),
        "content": message.content,
        "timestamp": world.timestamp(message.at),
        "edited_timestamp": message.edited.map(|at| world.timestamp(at)),
        "tts": false,
        "mention_everyone": false,
        "mentions": message.mentions.iter().map(|&id| user(world.user(id))).collect::<Vec<_>>(),
        "mention_roles": [],
        "attachments": [],
        "embeds": [],
        "components": message.components,
        "pinned": false,
        "flags": message.flags,
    });
    if let Some((channel, id)) = message.reference {
        value["message_reference"] = json!({
            "type": 0,
            "channel_id": channel.to_string(),
            "message_id": id.to_string(),
        });
    }
    if message.webhook {
        value["webhook_id"] = message.author.to_string().into();
    }
    value
}

pub fn gateway_message(world: &World, sent: &Message) -> Value {
    let mut value = message(world, sent);
    let channel = world.channel(sent.channel);
    value["channel_type"] = channel.kind.number().into();
    if let Some(guild) = channel.guild {
        value["guild_id"] = guild.to_string().into();
        if !sent.webhook {
            value["member"] = partial_member();
        }
    }
    // Only a fresh message has its nonce; history does not keep it.
    if let Some(nonce) = &sent.nonce {
        value["nonce"] = nonce.as_str().into();
    }
    value
}

pub fn guild(world: &World, id: u64) -> Value {
    let channels = |threads: bool| -> Vec<Value> {
        let in_guild = world
            .channels
            .values()
            .filter(|channel| channel.guild == Some(id));
        in_guild
            .filter(|channel| (channel.kind == ChannelKind::Thread) == threads && !channel.archived)
            .map(channel)
            .collect()
    };
    let mut guild: Value = serde_json::from_str(GUILD).expect("it is JSON");
    guild["id"] = id.to_string().into();
    guild["channels"] = channels(false).into();
    guild["threads"] = channels(true).into();
    guild
}

/// What no test looks at and every GUILD_CREATE has.
const GUILD: &str = r#"{
    "name": "Pelorin",
    "icon": null,
    "splash": null,
    "discovery_splash": null,
    "owner_id": "1",
    "afk_channel_id": null,
    "afk_timeout": 300,
    "verification_level": 0,
    "default_message_notifications": 0,
    "explicit_content_filter": 0,
    "roles": [],
    "emojis": [],
    "features": [],
    "mfa_level": 0,
    "application_id": null,
    "system_channel_id": null,
    "system_channel_flags": 0,
    "rules_channel_id": null,
    "max_members": 500000,
    "vanity_url_code": null,
    "description": null,
    "banner": null,
    "premium_tier": 0,
    "premium_subscription_count": 0,
    "preferred_locale": "en-US",
    "public_updates_channel_id": null,
    "nsfw_level": 0,
    "stickers": [],
    "premium_progress_bar_enabled": false,
    "joined_at": "2024-02-27T19:50:51.701000+00:00",
    "large": false,
    "unavailable": false,
    "member_count": 4,
    "voice_states": [],
    "members": [],
    "presences": [],
    "stage_instances": [],
    "guild_scheduled_events": [],
    "safety_alerts_channel_id": null
}"#;
