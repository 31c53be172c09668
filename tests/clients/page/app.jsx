// The React kit as a reader of its documentation would set it up, on the sandbox named in the page's address.
import { createRoot } from 'react-dom/client';
import { StreamChat } from 'stream-chat';
import {
  AIStateIndicator,
  Channel,
  ChannelHeader,
  ChannelList,
  Chat,
  MessageComposer,
  MessageList,
  Thread,
  Window,
} from 'stream-chat-react';
import 'stream-chat-react/css/index.css';
import './app.css';

const address = new URLSearchParams(location.search);
const user = address.get('user');
const client = new StreamChat(address.get('key'), { baseURL: address.get('url'), enableWSFallback: false });
await client.connectUser({ id: user }, address.get('token'));

createRoot(document.getElementById('root')).render(
  <Chat client={client} isMessageAIGenerated={(message) => Boolean(message.ai_generated)}>
    <ChannelList
      filters={{ type: 'messaging', members: { $in: [user] } }}
      sort={{ last_message_at: -1 }}
      options={{ limit: 10, presence: true }}
    />
    <Channel>
      <Window>
        <ChannelHeader />
        <MessageList />
        <AIStateIndicator />
        <MessageComposer focus />
      </Window>
      <Thread />
    </Channel>
  </Chat>,
);
